"""What the organiser and supervisors ask of the server, each route with the right it needs."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from sync.server.admin.devices import DeviceRoutes
from sync.server.admin.events import EventRoutes
from sync.server.admin.journal import JournalRoutes
from sync.server.admin.keys import KeyRoutes
from sync.server.admin.people import PersonRoutes
from sync.server.admin.review import ReviewRoutes
from sync.server.admin.tickets import TicketRoutes
from sync.server.admin.tokens import TokenRoutes
from sync.server.admin.webhooks import WebhookRoutes
from sync.server.part import Part
from sync.server.retention import Retention
from sync.server.server import Server


def organiser_routes(
    server: Server, retention: Retention, parts: Sequence[Part]
) -> list[BaseRoute]:
    """Everything that wants a token of the organiser's."""
    return [
        *EventRoutes(server).routes(),
        *DeviceRoutes(server, parts).routes(),
        *KeyRoutes(server).routes(),
        *TicketRoutes(server).routes(),
        *JournalRoutes(server).routes(),
        *ReviewRoutes(server).routes(),
        *PersonRoutes(server, retention, parts).routes(),
        *TokenRoutes(server).routes(),
        *WebhookRoutes(server).routes(),
    ]
