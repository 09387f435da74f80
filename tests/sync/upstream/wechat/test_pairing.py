"""``gate wechat``: paired, looked at, caught up and ended, at the server's database."""

import re
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gate.errors import UsageError
from sync.push_crypto import Unreadable, decrypt, encrypt
from sync.upstream.wechat.pairing import read_secrets
from tests.support.programs import run
from tests.system.network import Server, until

pytestmark = pytest.mark.system


def gate(*arguments: str) -> CompletedProcess[str]:
    """One command, to its end."""
    return run(*arguments, timeout=60)


@pytest.fixture
def wechat(tmp_path: Path) -> Iterator[Server]:
    """A server that plays WeChat."""
    server = Server(tmp_path / "wechat")
    yield server
    server.close()


def test_an_account_is_paired_and_ended(tmp_path: Path, wechat: Server) -> None:
    """The secret comes by a file, and is printed nowhere; a wrong one leaves nothing behind."""
    made = wechat.admin("POST", "/accounts", {"event": "default"})
    ours = Server(tmp_path / "ours")
    try:
        secret = tmp_path / "secret"
        secret.write_text("not-the-secret\n")
        where = ["--server-dir", str(tmp_path / "ours")]
        pair = ["wechat", "pair", "gala", "--appid", made["appid"], "--url", wechat.url,
                "--secrets-file", str(secret), *where]  # fmt: skip
        refused = gate(*pair)
        assert refused.returncode != 0
        assert "40125" in refused.stderr
        assert "not-the-secret" not in refused.stderr + refused.stdout
        status = gate("wechat", "status", *where)
        assert "No event is paired" in status.stdout
        secret.write_text(made["secret"])
        paired = gate(*pair)
        assert paired.returncode == 0, paired.stderr
        assert f"/wechat/push/{made['appid']}" in paired.stdout
        assert re.search(r"EncodingAESKey  [A-Za-z0-9]{43} ", paired.stdout)
        assert made["secret"] not in paired.stdout
        until(lambda: "all that is known" in gate("wechat", "status", *where).stdout)
        people = tmp_path / "openids"
        people.write_text("oA\noB\n")
        asked = gate("wechat", "catch-up", "gala", "--openids", str(people), *where)
        assert asked.stdout.startswith("2 are read")
        again = gate(*pair)
        assert "EncodingAESKey" not in again.stdout
        other = gate("wechat", "pair", "ball", *pair[3:])
        assert other.returncode != 0
        assert "gala" in other.stderr
        assert gate("wechat", "unpair", "gala", *where).returncode == 0
        assert "No event is paired" in gate("wechat", "status", *where).stdout
    finally:
        ours.close()


@pytest.mark.parametrize(
    "text", ["", "a\nb\nc\nd", "secret\ntoken with blanks", "secret\ntoken\nshort"]
)
def test_secrets_that_cannot_be_are_not_taken(text: str) -> None:
    """Nothing is guessed of them."""
    with pytest.raises(UsageError):
        read_secrets(text)


def test_what_was_encrypted_is_read_by_its_key_and_appid_only() -> None:
    """Another key, another appid, or a changed text is none of ours."""
    key = "k" * 42 + "A"
    sealed = encrypt(key, "wx1", "<xml>会议</xml>")
    assert decrypt(key, "wx1", sealed) == "<xml>会议</xml>"
    for other in ((("j" * 42 + "A"), "wx1", sealed), (key, "wx2", sealed), (key, "wx1", "AAAA"),
                  (key, "wx1", "")):  # fmt: skip
        with pytest.raises(Unreadable):
            decrypt(*other)
