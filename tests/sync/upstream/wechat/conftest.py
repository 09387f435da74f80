"""Venues whose tickets live at WeChat, on each kind of database."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import places
from tests.support.places import DATABASES, Place
from tests.support.wechat import PARTS, Venue, venue


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A PostgreSQL with an event's database that is to be copied; its address."""
    with places.cluster(PARTS) as url:
        yield url


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty folder, and a database of each kind."""
    return places.asked_for(request, tmp_path, PARTS)


@pytest.fixture
async def here(place: Place) -> AsyncIterator[Venue]:
    """Two servers, one of which plays WeChat, with nobody's ticket yet."""
    async with venue(place) as made:
        yield made
