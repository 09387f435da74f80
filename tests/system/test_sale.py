"""The peak of a sale at two server processes behind a balancer: nothing is sold or used twice."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import Engine, create_engine, update

from sync.cardapi import tables as of_cards
from tests.conftest import needs
from tests.support import postgres, sale
from tests.support.sale import Sale, Sold, mistakes, shop

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.long]
STOCK, ORDERS = 40, 10


@pytest.fixture(scope="module")
async def sold(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Engine, Sold]]:
    """A sale that is over, and its database."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    needs(sale.nginx() is not None, "nginx (apt install nginx-light)")
    folder = tmp_path_factory.mktemp("sale")
    with postgres.postgres() as url:
        with shop(folder, url, 2) as running:
            done = await Sale(running, stock=STOCK, orders=ORDERS).run()
        engine = create_engine(url)
        yield engine, done
        engine.dispose()


@pytest.mark.timeout(180)
async def test_nothing_is_sold_or_used_twice(sold: tuple[Engine, Sold]) -> None:
    """A quarter more buyers than tickets; every order and use is asked for twice, at both."""
    engine, done = sold
    assert mistakes(engine, done, stock=STOCK, orders=ORDERS) == []


async def test_the_mutations(sold: tuple[Engine, Sold]) -> None:
    """What would be wrong is found: a ticket too many, one used twice, an order done twice."""
    engine, done = sold
    counts = {"stock": STOCK, "orders": ORDERS}
    too_many = replace(done, claimed=[*done.claimed, "999999999999"])
    twice = replace(done, used=Counter({**done.used, done.claimed[0]: 2}))
    first = next(iter(done.ordered))
    other = {**done.ordered, first: [done.ordered[first][0], ["1", "2"]]}
    for wrong in (too_many, twice, replace(done, ordered=other)):
        assert mistakes(engine, wrong, **counts)
    with closing(engine.connect()) as connection:
        one_left = update(of_cards.card).values(quantity=1)
        connection.execute(one_left)
        connection.commit()
    assert mistakes(engine, done, **counts) == ["left of each card: {1}, not {0}"]
