"""The pages of lists: people, the journal, and lists of tickets that are taken in."""

from starlette.routing import BaseRoute

from sync.server.web.import_pages import ImportPages
from sync.server.web.journal_pages import JournalPages
from sync.server.web.list_source import ListSource
from sync.server.web.pages import Pages
from sync.server.web.people_pages import PeoplePages


def list_routes(pages: Pages, source: ListSource) -> list[BaseRoute]:
    """All of them."""
    imports = ImportPages(pages, source)
    people, journal = PeoplePages(pages, source, imports), JournalPages(pages, source)
    return [*people.routes(), *imports.routes(), *journal.routes()]
