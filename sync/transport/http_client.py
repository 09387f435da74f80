"""The way to the server: HTTP for requests, a WebSocket for news.

::

    GateError
    └── ServerFault
        ├── ServerUnreachable   no answer, or one that says to come again: retry
        │   ├── Building            it packs the tickets
        │   ├── TooSlow             another gate gives what it promised too slowly
        │   └── SnapshotGone        there is a newer one
        ├── Unauthorized        the credential is no longer good: stop and tell a person
        │   └── Revoked             and for good: forget names, codes and keys
        ├── ServerRejected      it will not have this, and why
        └── ProtocolMismatch    it speaks another language: stop and tell a person
"""

import ssl
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
from websockets.exceptions import InvalidStatus, WebSocketException

from gate import __version__
from gate.core.enrolment import Enrol, Enrolled
from gate.core.ticket_feed import Changes, Snapshot
from gate.errors import GateError
from gate.i18n import _
from gate.storage.enrolment import Enrolment
from gate.storage.enrolment_link import no_link
from gate.storage.revocation import revoked
from gate.storage.sqlite import faults
from sync.session.twins import RUN_HEADER, THIS_RUN
from sync.transport.server_stream import CLOSE_S, ServerStream, call_there
from sync.transport.tls import trust
from sync.wire import MAX_FRAME, PREFIX, Problem, SyncRequest, SyncResponse

TIMEOUT_S = 10.0
CONNECT_S = 5.0
"""A host that comes up is asked again by then, and not at the system's fourth try only."""
BUILDING_S = 2.0
"""How long to wait for a snapshot when the server does not say."""
MOST_AGAIN_S = 60.0
"""A server, or a proxy before it, that asks for more is asked sooner: it may be back."""
MAX_ANSWER = 64 * 1024 * 1024
"""Longest answer but for files, in bytes: a page of 1000 changes, with room to spare."""
GATE_RATE, GATE_PATIENCE_S = 16 * 1024, 15.0
"""Bytes a second that another gate has to give, and for how long it may give less."""
_AGAIN = {408, 425, 429, 500, 502, 503, 504, 507}
_AWAY = {502, 503, 504}
"""What a proxy says while there is nobody behind it."""

T = TypeVar("T")
Progress = Callable[[int, int], None]


class ServerFault(GateError):
    """Something about the server."""


class ServerUnreachable(ServerFault):
    """No answer, or one that says to come again, not before so many seconds."""

    def __init__(
        self, message: str, hint: str = "", again_s: float = 0.0, *, is_busy: bool = False
    ) -> None:
        super().__init__(message, hint)
        self.again_s = again_s
        self.is_busy = is_busy
        """Whether it is there and cannot: then it is to be spared."""


class Building(ServerUnreachable):
    """The tickets are being packed."""


class SnapshotGone(ServerUnreachable):
    """What was being fetched is not there any more: ask for the newest."""


class TooSlow(ServerUnreachable):
    """It comes so slowly that somebody else is better asked."""


class Unauthorized(ServerFault):
    """The credential is unknown or revoked."""


class Revoked(Unauthorized):
    """The server says that this very device was revoked: it is to forget, for good."""


class ServerRejected(ServerFault):
    """The server will not have this."""

    def __init__(self, message: str, hint: str = "", error: str = "") -> None:
        super().__init__(message, hint)
        self.error = error


class ProtocolMismatch(ServerFault):
    """What answered is no server of ours, or of another version."""


class ServerClient:
    """One device's way to its server."""

    def __init__(
        self,
        enrolment: Enrolment,
        transport: httpx.BaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        *,
        least_rate: int = 0,
        run: str = THIS_RUN,
    ) -> None:
        self._enrolment = enrolment
        self._least_rate = least_rate
        self._run = run
        if tls is None and enrolment.url.startswith("https"):
            tls = trust(enrolment.certificate)
        self._tls = tls
        self._http = _http(enrolment.url, self._tls, transport)
        self._http.headers[RUN_HEADER] = run
        if enrolment.credential:
            self._http.headers["Authorization"] = f"Bearer {enrolment.credential}"

    @classmethod
    def of_gate(cls, place: str, tls: ssl.SSLContext) -> "ServerClient":
        """The way to the tickets of another gate (``host:port``), as a member of its venue."""
        return cls(Enrolment(f"https://{place}", "", ""), tls=tls, least_rate=GATE_RATE)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def exchange(self, request: SyncRequest) -> SyncResponse:
        """Send a request and wait for the response."""
        body = msgspec.json.encode(request)
        return _decode(self._send("POST", "/exchange", content=body), SyncResponse)

    def changes(self, cursor: str) -> Changes | None:
        """The next page of the feed; ``None`` when the cursor is not of this feed any more."""
        try:
            return _decode(self._send("GET", "/changes", params={"cursor": cursor}), Changes)
        except ServerRejected as refused:
            if refused.error == "resync":
                return None
            raise

    def snapshot(self) -> Snapshot:
        """The replica to begin with. Raises Building while the server makes one."""
        response = self._send("GET", "/snapshot")
        if response.status_code == httpx.codes.ACCEPTED:
            late = _("the server takes too long to pack the tickets")
            raise Building(late, again_s=_again_s(response) or BUILDING_S)
        return _decode(response, Snapshot)

    def download(self, snapshot: Snapshot, part: Path, progress: Progress) -> None:
        """Fetch a packed replica into a file, going on where an earlier attempt ended.

        Raises SnapshotGone when it is not what the server has under that name any more,
        ProtocolMismatch when more comes than was announced, FullError when it cannot be kept.
        """
        have = part.stat().st_size if part.exists() else 0
        while have < snapshot.packed_bytes:
            more = self._download(snapshot, part, have, progress)
            if more <= have:
                raise ServerUnreachable(_("the tickets end too soon"))
            have = more

    def _download(self, snapshot: Snapshot, part: Path, have: int, progress: Progress) -> int:
        tag = f'"{snapshot.sha256}"'
        # Who has built anew under the same name answers with all of it, not with a rest.
        headers = {"Range": f"bytes={have}-", "If-Range": tag} if have else {}
        path = f"{PREFIX}/snapshot/{snapshot.name}"
        try:
            with self._http.stream("GET", path, headers=headers) as response:
                if response.is_error:
                    response.read()
                    _check_file(response, part)
                if response.headers.get("ETag", tag).removeprefix("W/") != tag:
                    raise _snapshot_gone()
                goes_on = have and response.status_code == httpx.codes.PARTIAL_CONTENT
                most = snapshot.packed_bytes - (have if goes_on else 0)
                with faults(part), part.open("ab" if goes_on else "wb") as file:
                    for chunk in self._come(response, most):
                        file.write(chunk)
                        progress(file.tell(), snapshot.packed_bytes)
                    return file.tell()
        except httpx.HTTPError as error:
            raise _unreachable(error) from error

    def stream(
        self, receive: Callable[[SyncResponse], None], gone: Callable[[str], None]
    ) -> ServerStream:
        """Open a connection on which the server tells news. Raises as ``exchange`` does."""
        url = self._enrolment.url.replace("http", "ws", 1) + f"{PREFIX}/stream"
        call = partial(
            call_there,
            url,
            ssl=self._tls,
            additional_headers={
                "Authorization": f"Bearer {self._enrolment.credential}",
                RUN_HEADER: self._run,
            },
            open_timeout=TIMEOUT_S,
            close_timeout=CLOSE_S,
            ping_interval=10,
            ping_timeout=10,
            max_size=2 * MAX_FRAME,
            compression=None,
            proxy=None,
            user_agent_header=f"venue-gate/{__version__}",
        )
        try:
            return ServerStream(call, receive, gone)
        except InvalidStatus as error:
            code = error.response.status_code
            if code in (401, 403):
                raise _unwelcome(_read_problem(bytes(error.response.body or b""), code)) from error
            raise ServerUnreachable(_("no stream: {detail}").format(detail=code)) from error
        except (OSError, TimeoutError, WebSocketException) as error:
            raise _unreachable(error) from error

    def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            with self._http.stream(method, PREFIX + path, **what) as response:
                body = b"".join(self._come(response, MAX_ANSWER))
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        # Not read() of the answer, which reads whatever comes.
        whole = httpx.Response(response.status_code, headers=response.headers, content=body)
        _check(whole)
        return whole

    def _come(self, response: httpx.Response, most: int) -> Iterator[bytes]:
        """The body of an answer as it comes, bounded in its length and, from a gate, in time."""
        begun, size = time.monotonic(), 0
        if response.headers.get("Content-Encoding", "identity") != "identity":
            # What comes small could be large.
            raise ProtocolMismatch(_("the answer is packed, which nobody asked for"), "")
        # As it comes: whoever gathered pieces would not notice one that drips.
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > most:
                raise ProtocolMismatch(_("more came than was announced"), "")
            late_s = time.monotonic() - begun - GATE_PATIENCE_S
            if self._least_rate and late_s * self._least_rate > size:
                raise TooSlow(_("it comes too slowly"))
            yield chunk


def enrol(
    url: str, certificate: str, ask: Enrol, transport: httpx.BaseTransport | None = None
) -> Enrolled:
    """Trade a one-time token for a credential. Raises ServerRejected when it is no good.

    Raises UsageError for an address that is none.
    """
    tls = trust(certificate) if url.startswith("https") else None
    try:
        client = _http(url, tls, transport)
    except httpx.InvalidURL as error:
        raise no_link() from error
    with client as http:
        try:
            response = http.post(f"{PREFIX}/enrol", content=msgspec.json.encode(ask))
        except httpx.HTTPError as error:
            # Nothing is being scanned with it yet: this is no lane that goes on.
            raise ServerUnreachable(_unreachable(error).message, asked_in_vain()) from error
        if response.status_code in (401, 403):
            problem = _problem(response)
            # Of these the server says so itself.
            is_explained = problem.error in ("used_token", "expired_token", "revoked")
            hint = "" if is_explained else _("Ask for a new link.")
            raise ServerRejected(problem.reason, hint, problem.error)
        _check(response)
        return _decode(response, Enrolled)


def _http(
    url: str, tls: ssl.SSLContext | None, transport: httpx.BaseTransport | None
) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        transport=transport,
        # Without TLS nobody need be trusted, and reading whom the system trusts takes its time.
        verify=tls if tls is not None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S),
        # A venue's server is reached directly or not at all.
        trust_env=False,
        headers={
            "User-Agent": f"venue-gate/{__version__}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        },
    )


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    problem = _problem(response)
    if response.status_code in (401, 403):
        raise _unwelcome(problem)
    if response.status_code in _AGAIN:
        reason = problem.reason or str(response.status_code)
        is_away = response.status_code in _AWAY and "Retry-After" not in response.headers
        raise ServerUnreachable(reason, again_s=_again_s(response), is_busy=not is_away)
    if response.status_code == httpx.codes.NOT_FOUND and not problem.error:
        raise ProtocolMismatch(
            _("what answers there is no Venue Gate server"), _("Is the address right?")
        )
    raise ServerRejected(problem.reason, "", problem.error)


def _check_file(response: httpx.Response, part: Path) -> None:
    if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        # What came before is no beginning of what is there now.
        part.unlink(missing_ok=True)
        raise _snapshot_gone()
    # The second is a gate's word for it.
    if _problem(response).error in ("no_snapshot", "nothing"):
        raise _snapshot_gone()
    _check(response)


def _snapshot_gone() -> SnapshotGone:
    return SnapshotGone(_("the server has packed the tickets anew"))


def _again_s(response: httpx.Response) -> float:
    """How many seconds to wait by ``Retry-After`` (RFC 9110, 10.2.3); 0 when it does not say."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return min(MOST_AGAIN_S, float(value[:9]))
    try:
        return min(MOST_AGAIN_S, max(0.0, parsedate_to_datetime(value).timestamp() - time.time()))
    except (ValueError, OverflowError):
        return 0.0


def _problem(response: httpx.Response) -> Problem:
    return _read_problem(response.content, response.status_code)


def _read_problem(content: bytes, status: int) -> Problem:
    try:
        return msgspec.json.decode(content, type=Problem)
    except (msgspec.DecodeError, UnicodeError):
        return Problem("", _("the server said {status}").format(status=status))


def _decode(response: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ProtocolMismatch(
            _("the server's answer cannot be read: {detail}").format(detail=error),
            _("Are gate and server of the same version?"),
        ) from error


def _unwelcome(problem: Problem) -> Unauthorized:
    if problem.error == "revoked":
        fault = revoked()
        return Revoked(fault.message, fault.hint)
    return Unauthorized(
        _("the server does not know this device any more"),
        _("Its event is over, or it was enrolled elsewhere: gate enrol --again"),
    )


def asked_in_vain() -> str:
    """What to look at when a server does not answer that was never heard before."""
    return _("Is it running, and is this device on its network?")


def _unreachable(error: Exception) -> ServerUnreachable:
    detail = str(error) or type(error).__name__
    return ServerUnreachable(
        _("the server cannot be reached: {detail}").format(detail=detail[:200]),
        _("Scanning goes on; what happens here is told once it answers."),
    )
