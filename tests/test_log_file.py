"""The programs' own logs: what is written there, and what never is."""

import logging
from pathlib import Path

import httpx
import pytest

from gate.errors import StoreError
from gate.log_file import open_log

SECRET = "0f3a9c.SESAME-_1"
LINES = (
    f"HTTP Request: POST http://h/card/get?access_token={SECRET}&x=1",
    f"GET /cgi-bin/token?appid=wx1&secret={SECRET}",
    f"to http://b/hook?signature={SECRET}&timestamp=1",
    f"to http://b/hook?timestamp=1&msg_signature={SECRET}",
    f"link venuegate:enrol?u=http%3A//h&t={SECRET}&f=",
    f"headers {{'authorization': 'Bearer {SECRET}'}}",
    f'"TOKEN={SECRET}"',
)


@pytest.mark.parametrize("line", LINES)
def test_a_secret_is_left_out_of_a_line(tmp_path: Path, line: str) -> None:
    """Whoever writes it, and also where an exception tells it; the rest of the line stays."""
    handler = open_log(tmp_path / "a.log")
    logger = logging.Logger("any")
    logger.addHandler(handler)
    logger.warning("%s", line)
    error = ValueError(line)
    logger.error("failed", exc_info=error)
    handler.close()
    told = (tmp_path / "a.log").read_text("utf-8")
    assert SECRET not in told
    assert told.count("…") == 2
    assert line[:7] in told
    assert "WARNING any" in told


def test_other_lines_stay_whole(tmp_path: Path) -> None:
    """Nothing but secrets is left out: times, places, counts and what went wrong are there."""
    line = "verdict lane=A1 outcome=refuse reason=already_used ticket=7f3a ms=38 t=4 tokens=9"
    handler = open_log(tmp_path / "a.log")
    logging.Logger("lane").handlers.append(handler)
    handler.handle(logging.LogRecord("lane", 20, "", 0, line, (), None))
    handler.close()
    assert line in (tmp_path / "a.log").read_text("utf-8")


def test_libraries_do_not_tell_addresses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Httpx, which logs every request, is told to keep that to itself."""
    logging.getLogger("httpx").setLevel(logging.INFO)
    open_log(tmp_path / "a.log").close()
    caplog.set_level(logging.INFO)
    transport = httpx.MockTransport(lambda _request: httpx.Response(200))
    with httpx.Client(transport=transport) as http:
        http.get("http://backend.test/hook?key=sesame")
    assert "sesame" not in caplog.text


def test_a_log_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    """With the file's name, not a traceback."""
    with pytest.raises(StoreError, match=r"a\.log"):
        open_log(tmp_path / "nowhere" / "a.log")
