"""The programs' own logs: what is written there, and what never is."""

import logging
import re
from itertools import product
from logging import LogRecord
from pathlib import Path

import httpx
import pytest

from gate.errors import StoreError
from gate.storage.log_file import AT_FIRST, FOLD_S, KINDS, QUIET_S, Folds, open_log

SECRET = "0f3a9c.SESAME-_1"
LINES = (
    f"HTTP Request: POST http://h/card/get?access_token={SECRET}&x=1",
    f"GET /cgi-bin/token?appid=wx1&secret={SECRET}",
    f"to http://b/hook?signature={SECRET}&timestamp=1",
    f"to http://b/hook?timestamp=1&msg_signature={SECRET}",
    f"link VENUEGATE:{SECRET}//HTTP://H",
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


def logged(text: str, *args: object, name: str = "uvicorn.error", level: int = 30) -> LogRecord:
    return LogRecord(name, level, "", 0, text, args, None)


def test_a_flood_of_lines_does_not_rotate_the_log_away(tmp_path: Path) -> None:
    """60,000 lines that strangers cause: what was there before is, and how many there were."""
    path = tmp_path / "a.log"
    handler = open_log(path)
    handler.handle(logged("before the flood"))
    for n in range(30_000):
        handler.handle(
            logged("lan: turned away %s", f"10.0.{n % 250}.7", name="sync.transport.lan_transport")
        )
        handler.handle(logged(f"Invalid HTTP request {n} received."))
    handler.handle(logged("after the flood", name="sync.worker.worker", level=20))
    handler.close()
    told = path.read_text("utf-8")
    assert "before the flood" in told
    assert "after the flood" in told
    assert sum(map(int, re.findall(r"the last of (\d+) such", told))) == 2 * (30_000 - AT_FIRST)
    assert len(told) < 10_000
    assert not list(tmp_path.glob("a.log.*"))


def test_a_flood_of_kinds_is_one_kind() -> None:
    """Whatever a stranger makes a library say, it takes no memory and no room without end."""
    folds = Folds()
    words = ["".join(letters) for letters in product("ghijklmnop", repeat=4)]
    told = [record for word in words for record in folds.take(logged(word), 1.0)]
    assert KINDS <= len(told) <= KINDS + AT_FIRST
    (counted,) = folds.due(2.0, at_end=True)
    assert f"the last of {len(words) - len(told)} such" in counted.getMessage()


def test_a_flood_is_told_of_ever_less_often() -> None:
    """In a day some dozen lines of each kind; when it is over, its kind is written again."""
    folds = Folds()
    day = [n for n in range(86_400) if folds.take(logged("turned away %s", "x"), float(n))]
    assert AT_FIRST < len(day) < 60
    (last,) = folds.due(86_400.0 + FOLD_S[1])
    assert "turned away x (the last of" in last.getMessage()
    quiet = 86_400.0 + FOLD_S[1] + QUIET_S + 1
    assert folds.due(quiet) == []
    again = logged("turned away %s", "y")
    assert folds.take(again, quiet) == [again]


def test_our_own_words_are_never_folded(tmp_path: Path) -> None:
    """A verdict is a line each, however many there are."""
    path = tmp_path / "a.log"
    handler = open_log(path)
    for n in range(1000):
        handler.handle(logged("verdict lane=%s", f"A{n}", name="gate.lane.lane", level=20))
    handler.close()
    assert path.read_text().count("verdict lane=") == 1000


def test_a_connection_that_broke_is_one_line(tmp_path: Path) -> None:
    """What a library tells as its own fault has no traceback; ours has."""
    handler = open_log(tmp_path / "a.log")
    for name in ("websockets.client", "sync.worker.worker"):
        logger = logging.Logger(name)
        logger.addHandler(handler)
        try:
            [].pop()
        except IndexError:
            logger.exception("keepalive ping failed")
    handler.close()
    first, second, *rest = (tmp_path / "a.log").read_text("utf-8").splitlines()
    assert first.endswith("keepalive ping failed: pop from empty list")
    assert second.endswith("keepalive ping failed")
    assert rest[0].startswith("Traceback")
