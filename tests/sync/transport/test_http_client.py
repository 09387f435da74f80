"""The way to the server, answered by a server that says what the test wants."""

import gzip
import re
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gate.cli.exit_codes import FAILED, UNAUTHORIZED, UNREACHABLE
from gate.cli.sync_run import exit_code
from gate.core.enrolment import Enrol
from gate.core.ticket_feed import Checkpoint, Snapshot
from gate.errors import UsageError
from gate.storage.enrolment import Enrolment
from gate.storage.enrolment_link import (
    SCHEME,
    fingerprint_of,
    link_to,
    new_token,
    parse_link,
)
from sync.transport import http_client as client_module
from sync.transport.http_client import (
    GATE_RATE,
    Building,
    ProtocolMismatch,
    ServerClient,
    ServerRejected,
    ServerUnreachable,
    SnapshotGone,
    TooSlow,
    enrol,
)
from sync.wire import Frame, SyncRequest

PACKED = bytes(range(256)) * 40
SNAPSHOT = Snapshot(
    "tickets-aa-1.db", "aa:1:", 50_000, "ab" * 32, len(PACKED), Checkpoint("aa:1:", "00" * 32)
)
TAG = f'"{SNAPSHOT.sha256}"'

Answering = Callable[[httpx.Request], httpx.Response]


class Scripted:
    """A client whose server answers by a function, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answer: Answering = lambda _request: httpx.Response(200)
        self.client = ServerClient(
            Enrolment("http://127.0.0.1", "c", "e"), httpx.MockTransport(self._do)
        )

    def _do(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)

    def download(self, part: Path) -> None:
        self.client.download(SNAPSHOT, part, lambda _done, _total: None)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.client.close()


def problem(status: int, error: str, **headers: str) -> httpx.Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": error, "reason": "because"}, headers=said)


def test_a_download_asks_for_the_rest_of_the_same_file(scripted: Scripted, tmp_path: Path) -> None:
    """``Range`` from where it was cut, ``If-Range`` with the tag of what had been begun."""
    part = tmp_path / "x.part"
    part.write_bytes(PACKED[:1000])
    rest = httpx.ByteStream(PACKED[1000:])
    scripted.answer = lambda _request: httpx.Response(206, stream=rest, headers={"ETag": TAG})
    scripted.download(part)
    (asked,) = scripted.asked
    assert (asked.headers["Range"], asked.headers["If-Range"]) == ("bytes=1000-", TAG)
    assert part.read_bytes() == PACKED


def test_a_whole_answer_replaces_what_had_come(scripted: Scripted, tmp_path: Path) -> None:
    """A server that knows no ranges sends all of it, and it is not put behind the beginning."""
    part = tmp_path / "x.part"
    part.write_bytes(PACKED[:1000])
    scripted.answer = lambda _request: httpx.Response(200, stream=httpx.ByteStream(PACKED))
    scripted.download(part)
    assert part.read_bytes() == PACKED


@pytest.mark.parametrize(
    ("answer", "is_kept"),
    [
        (problem(404, "no_snapshot"), True),
        (problem(404, "nothing"), True),
        (problem(416, "range"), False),
        (httpx.Response(200, content=PACKED, headers={"ETag": '"cd"'}), True),
    ],
    ids=["gone", "gone at a gate", "shorter", "another"],
)
def test_a_snapshot_that_is_gone_is_no_refusal(
    scripted: Scripted, tmp_path: Path, answer: httpx.Response, is_kept: bool
) -> None:
    """There is a newer one: it is worth asking again, and nothing of another file is mixed in."""
    part = tmp_path / "x.part"
    part.write_bytes(PACKED[:1000])
    scripted.answer = lambda _request: answer
    with pytest.raises(SnapshotGone) as gone:
        scripted.download(part)
    assert exit_code(gone.value) == UNREACHABLE
    assert part.exists() == is_kept
    assert not is_kept or part.read_bytes() == PACKED[:1000]


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7), ("", 2, 2), ("soon", 2, 2), ("-5", 2, 2), ("999999999999", 60, 60),
        ("²", 2, 2), ("Sun, 06 Nov 1994 08:49:37 GMT", 2, 2), ("Sun, 99 Nov 1994 99:49:37", 2, 2),
    ],
)  # fmt: skip
def test_a_server_that_packs_says_when_to_ask_again(
    scripted: Scripted, said: str, least: float, most: float
) -> None:
    """In seconds or as an HTTP date; what cannot be read, or is past, is two seconds."""
    headers = {b"Retry-After": said.encode("utf-8")}
    scripted.answer = lambda _request: httpx.Response(202, content=b"{}", headers=headers)
    with pytest.raises(Building) as building:
        scripted.client.snapshot()
    assert least <= building.value.again_s <= most


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_again(scripted: Scripted, status: int) -> None:
    """As seconds, or as a proxy's HTTP date."""
    scripted.answer = lambda _request: problem(status, "too_often", Retry_After="17")
    with pytest.raises(ServerUnreachable) as busy:
        scripted.client.exchange(SyncRequest(Frame()))
    assert busy.value.again_s == 17
    date = formatdate(time.time() + 30, usegmt=True)
    scripted.answer = lambda _request: problem(status, "too_often", Retry_After=date)
    with pytest.raises(ServerUnreachable) as busy:
        scripted.client.exchange(SyncRequest(Frame()))
    assert 20 < busy.value.again_s <= 30


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(401, "unknown"), UNAUTHORIZED),
        (problem(403, "revoked"), UNAUTHORIZED),
        (httpx.Response(404, content=b"<html>"), UNAUTHORIZED),
        (httpx.Response(200, content=b"<html>"), UNAUTHORIZED),
        (problem(413, "too_large"), FAILED),
        (problem(422, "invalid"), FAILED),
        (problem(503, "unavailable"), UNREACHABLE),
    ],
)
def test_only_what_a_person_has_to_mend_is_not_welcome(
    scripted: Scripted, answer: httpx.Response, code: int
) -> None:
    """After code 4 nobody starts the worker again: a refusal of one message is not worth that."""
    scripted.answer = lambda _request: answer
    with pytest.raises(client_module.ServerFault) as fault:
        scripted.client.exchange(SyncRequest(Frame()))
    assert exit_code(fault.value) == code


def test_a_cursor_of_another_feed_is_no_fault(scripted: Scripted) -> None:
    """409 ``resync`` means a new snapshot; any other refusal is one."""
    scripted.answer = lambda _request: problem(409, "resync")
    assert scripted.client.changes("aa:1:") is None
    scripted.answer = lambda _request: problem(422, "invalid")
    with pytest.raises(ServerRejected):
        scripted.client.changes("aa:1:")


SCHEMES = st.sampled_from(["http://", "https://", "https:", "ftp://", ""])
PLACES = st.one_of(
    st.sampled_from(
        ["127.0.0.1", "[::1]", "[foo", "a" * 64, "a..b", "x@y:z@h", "gäte.example", "[::1%25x]"]
    ),
    st.text(max_size=12),
)
PORTS = st.one_of(
    st.sampled_from(["", ":0", ":99999", ":abc", ":-1", ":8470", ":٣"]), st.text(max_size=4)
)
LINKS = st.one_of(
    st.text(),
    st.builds(
        lambda scheme, place, port, quoted, token, rest: (
            f"{SCHEME}{token}/{rest}/"
            f"{quote(scheme + place + port) if quoted else scheme + place + port}"
        ),
        SCHEMES, PLACES, PORTS, st.booleans(),
        st.one_of(st.just("X"), st.text(min_size=1, max_size=9)),
        st.sampled_from(["", "A" * 26, "A" * 25, "0" * 26]),
    ),
    st.builds(link_to, st.text(), st.text(), st.text()),
)  # fmt: skip


@settings(max_examples=300)
@example("VENUEGATE:X//HTTP://[FOO")
@example("VENUEGATE:X//HTTP://127.0.0.1:99999")
@example("VENUEGATE:X//HTTP://127.0.0.1:ABC")
@example("VENUEGATE:X//" + "a" * 64)
@example("VENUEGATE:X//HTTP://127.0.0.1/%FF")
@example("VENUEGATE:X//HTTP://127.0.0.1/\udcff")
@given(LINKS)
def test_any_text_is_a_link_or_none(text: str) -> None:
    """Whatever is pasted, there is one kind of fault; and a link leads to where one can ask."""
    try:
        invitation = parse_link(text)
    except UsageError:
        return
    transport = httpx.MockTransport(lambda _request: httpx.Response(403))
    asked = Enrol(invitation.token, "0" * 16, "ab", "1")
    with pytest.raises((ServerRejected, UsageError)):
        enrol(invitation.url, "", asked, transport)


def test_a_good_link_says_where_and_with_what() -> None:
    """As it was made, or typed from paper in small letters."""
    text = f" venuegate:abc234/{'ab' * 13}/gate.example:8470/ \n"
    assert parse_link(text) == ("https://gate.example:8470", "ABC234", "AB" * 13)


@pytest.mark.parametrize(
    "url",
    [
        "https://192.168.178.100:8472",
        "https://gate.example",
        "https://[2001:db8::1]:8472",
        "https://gate.example/Venue_1/~a",
        "https://tor_1.gäte.example",
        "http://127.0.0.1:8470",
        "http://[::1]:8470",
    ],
)
def test_a_link_leads_where_it_was_made_for(url: str) -> None:
    """Whatever is in the address, in characters of the small code."""
    token, pinned = new_token(), fingerprint_of(b"a certificate")
    link = link_to(url, token, pinned)
    assert parse_link(link) == (url, token, pinned)
    assert parse_link(link_to(url, token, "")).fingerprint == ""
    assert re.fullmatch(r"[0-9A-Z $%*+\-./:]+", link)


@pytest.mark.parametrize("error", ["used_token", "expired_token", "wrong_token", ""])
def test_a_refused_enrolment_says_once_what_to_do(error: str) -> None:
    """Where the server has said to ask for another, it is not said again."""
    transport = httpx.MockTransport(lambda _request: problem(403, error))
    with pytest.raises(ServerRejected) as refused:
        enrol("http://127.0.0.1", "", Enrol("t", "0" * 16, "ab", "1"), transport)
    assert refused.value.error == error
    assert bool(refused.value.hint) == (error in ("wrong_token", ""))


@pytest.mark.parametrize("length", [len(PACKED) + 1, 100 * len(PACKED)])
def test_more_than_was_announced_is_not_kept(
    scripted: Scripted, tmp_path: Path, length: int
) -> None:
    """However much a source goes on to give."""
    scripted.answer = lambda _request: httpx.Response(200, content=b"x" * length)
    part = tmp_path / "part"
    with pytest.raises(ProtocolMismatch, match="more came"):
        scripted.download(part)
    assert part.stat().st_size <= len(PACKED)


def test_an_answer_without_end_is_not_read_to_it(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that is packed."""
    monkeypatch.setattr(client_module, "MAX_ANSWER", 1000)
    given: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            given.append(1)
            yield b"x" * 100

    scripted.answer = lambda _request: httpx.Response(200, content=endless())
    with pytest.raises(ProtocolMismatch, match="more came"):
        scripted.client.changes("aa:1:")
    assert len(given) < 2000
    scripted.answer = lambda _request: httpx.Response(
        200, content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}
    )
    with pytest.raises(ProtocolMismatch, match="packed"):
        scripted.client.changes("aa:1:")


def test_a_gate_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives a byte now and then must not keep others from being asked."""
    monkeypatch.setattr(client_module, "GATE_PATIENCE_S", 0.0)

    def drip() -> Iterator[bytes]:
        for _ in range(1000):
            time.sleep(0.01)
            yield b"x"

    answer = httpx.MockTransport(lambda _request: httpx.Response(200, content=drip()))
    client = ServerClient(Enrolment("http://127.0.0.1", "", ""), answer, least_rate=GATE_RATE)
    with pytest.raises(TooSlow):
        client.changes("aa:1:")
    client.close()
