"""``gate serve`` about webhooks, at the server's own machine."""

from pathlib import Path

import pytest

from tests.support.programs import run
from tests.sync.server.test_serve import make_events


def test_at_the_server_s_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands make, list, try and end one; kinds and addresses that cannot be are refused."""
    monkeypatch.setenv("GATE_LANGUAGE", "en")
    make_events(tmp_path / "s", "show")

    def serve(*words: str) -> tuple[int, str]:
        ran = run("serve", "--server-dir", str(tmp_path / "s"), *words, timeout=60)
        return ran.returncode, ran.stdout + ran.stderr

    for words in (("http://127.0.0.1:1/",), ("https://x.example/", "--kinds", "nonsense")):
        code, text = serve("--new-webhook", *words)
        assert code == 2, text
    near = ("--callback-to", "127.0.0.1")
    code, text = serve("--new-webhook", "http://127.0.0.1:1/", "--kinds", "exit,void", *near)
    assert (code, "exit,void" in text, "whsec_" in text) == (0, True, True)
    id_ = text.split()[0]
    code, text = serve("--ping-webhook", id_, *near)
    assert (code, "no answer" in text) == (1, True)
    code, text = serve("--webhooks")
    assert (code, id_ in text, "whsec_" in text) == (0, True, False)
    assert serve("--end-webhook", id_)[0] == 0
    assert serve("--end-webhook", id_)[0] == 2
    assert serve("--webhooks") == (0, "")
