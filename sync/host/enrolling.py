"""The host takes gates in: a link with a one-time token, and a listener that is for this only."""

import asyncio
import hmac
import logging
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.core.enrolment import Enrol
from gate.errors import DamagedError, GateError, UsageError
from gate.i18n import _
from gate.storage import venue_host
from gate.storage.certificates import door_context, load_membership
from gate.storage.enrolment_link import fingerprint_of, link_to, new_token
from gate.storage.folder import Folder
from gate.storage.log_file import open_log
from gate.text.printable import printable
from sync.server import http, invite
from sync.server.http import Denied, reply
from sync.server.request_timeout import HttpProtocol
from sync.transport import listening
from sync.transport.accepting import raise_file_limit
from sync.transport.connections import Connections
from sync.wire import PREFIX

LISTEN = "0.0.0.0:8472"
LOG = "invite.log"
MAX_BODY = 16 * 1024
BODY_S = 10.0
STRANGERS, OF_EACH = 64, 16
"""Connections at a time, in all and of one address: whoever comes has not been taken in yet."""
_enrol = msgspec.json.Decoder(Enrol)


class Invitation:
    """What is shown to one gate after the other, until all that were meant have come."""

    def __init__(
        self,
        folder: Folder,
        names: Sequence[str],
        link: Callable[[str], str],
        end: Callable[[], None],
        *,
        picture: Path | None = None,
    ) -> None:
        self._folder = folder
        self._names = list(names)
        self._link, self._end = link, end
        self._picture = picture
        """Where the code is written to, of each gate in its turn."""
        self._token, self._used = "", set[str]()
        self._lock = asyncio.Lock()
        self.taken_in = 0

    @property
    def is_over(self) -> bool:
        """Whether everybody has come."""
        return self.taken_in == len(self._names)

    def show(self) -> None:
        """A link for the next gate, as a code too where that can be seen."""
        self._token = new_token()
        link = self._link(self._token)
        message = _("To take in {name}, once: scan this with its camera, or give it the link")
        heading = message.format(name=printable(self._names[self.taken_in]))
        invite.print_link(heading, link, self._picture)

    async def enrol(self, request: Request) -> Response:
        """A certificate for the token. Raises Denied."""
        asked = http.decode(_enrol, await http.read_body(request, MAX_BODY, BODY_S))
        async with self._lock:
            self._check(asked.token)
            name = asked.name.strip() or self._names[self.taken_in]
            if not name.isprintable():
                raise Denied(422, "invalid", _("A name is letters that can be seen."))
            try:
                enrolled = await asyncio.to_thread(venue_host.take_in, self._folder, asked, name)
            except UsageError as fault:
                raise Denied(409, "other_event", fault.message) from fault
            except GateError as fault:
                raise Denied(500, "fault", fault.message) from fault
            self._used.add(asked.token)
            self.taken_in += 1
            message = _("{name} belongs to the venue now ({id})")
            sys.stdout.write(message.format(name=printable(name), id=asked.device) + "\n")
            sys.stdout.flush()
            answer = reply(enrolled)
            if self.is_over:
                # Only when the answer is on its way.
                answer.background = BackgroundTask(self._end)
            else:
                self.show()
            return answer

    def _check(self, token: str) -> None:
        if token in self._used:
            message = _("This enrolment token has been used. Ask for another.")
            raise Denied(403, "used_token", message)
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Denied(403, "wrong_token", _("This enrolment token is not one of this venue's."))


def invite_gates(
    folder: Folder, names: Sequence[str], *, listen: str = LISTEN, picture: Path | None = None
) -> int:
    """Take in a gate for each name, one after the other; the answer is how many came.

    Ends with the last of them, or with Ctrl-C. Raises UsageError at any gate but the host, and
    BusyError when something else listens there.
    """
    venue_host.load(folder)
    membership = load_membership(folder)
    if membership is None:
        raise DamagedError(_("{file} cannot be read").format(file="member.json"), "")
    host, port = listening.place(listen)
    with listening.bind(host, port) as listener:
        url = invite.url(host, listener.getsockname()[1])
        der = ssl.PEM_cert_to_DER_cert(membership.certificate)
        pinned = fingerprint_of(der)

        def end() -> None:
            server.should_exit = True

        invitation = Invitation(
            folder, names, lambda token: link_to(url, token, pinned), end, picture=picture
        )
        config = uvicorn.Config(
            _app(invitation),
            log_config=None,
            access_log=False,
            server_header=False,
            http=HttpProtocol,
            ws="none",
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
        )
        config.load()
        config.ssl = door_context(folder, membership)
        raise_file_limit()
        server = listening.Server(config, listener, Connections(STRANGERS, OF_EACH))
        with _logged(folder):
            listening.run(server)
    return invitation.taken_in


@contextmanager
def _logged(folder: Folder) -> Iterator[None]:
    """What happens meanwhile is written there: the terminal is for the link."""
    root, kept = logging.getLogger(), open_log(folder.path / LOG)
    root.addHandler(kept)
    try:
        yield
    finally:
        root.removeHandler(kept)
        kept.close()


def _app(invitation: Invitation) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # Not before the door is open: whoever sees the link may use it, or press Ctrl-C.
        invitation.show()
        yield

    return Starlette(
        lifespan=lifespan,
        middleware=[Middleware(http.Framed)],
        routes=[Route(f"{PREFIX}/enrol", invitation.enrol, methods=["POST"])],
        exception_handlers={
            Denied: http.on_denied,
            HTTPException: http.on_http_exception,
            Exception: http.on_fault,
        },
    )
