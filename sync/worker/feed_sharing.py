"""What a gate gives to the other gates of its venue by HTTP: its tickets and their changes."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from gate.errors import GateError
from gate.storage.folder import Folder
from sync.transport.lan_http import Reply, file_part, problem
from sync.worker.peer_feed import PeerFeed, ResyncNeeded, shared_file, shared_snapshot

_encode = msgspec.json.Encoder().encode


class FeedSharing:
    """Answers in whichever thread asks."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def answer(self, path: str, asked: Mapping[str, str], part: str) -> Reply:
        """The reply to one question; ``part`` is its ``Range`` header."""
        try:
            return self._answer(path, asked, part)
        except ResyncNeeded:
            return problem(HTTPStatus.CONFLICT, "resync")
        except (GateError, OSError) as fault:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "fault", type(fault).__name__)

    def _answer(self, path: str, asked: Mapping[str, str], part: str) -> Reply:
        if path == "/changes":
            with PeerFeed(self._folder) as feed:
                return Reply(HTTPStatus.OK, _encode(feed.page(asked.get("cursor", ""))))
        if path == "/snapshot":
            return Reply(HTTPStatus.OK, _encode(shared_snapshot(self._folder)[0]))
        if path.startswith("/snapshot/"):
            file = shared_file(self._folder, path.removeprefix("/snapshot/"))
            if file is not None:
                return file_part(file, part)
        return problem(HTTPStatus.NOT_FOUND, "nothing")
