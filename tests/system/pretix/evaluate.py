"""Ask pretix what rules come to: run by the Python of its own virtual environment, alone.

    PYTHON evaluate.py < cases.json > answers.json

Each case is an occasion, check-ins, gate, moment and rules; its answer has for each rule whether
pretix would let in, or ``null`` where it could not work the rule out.
"""

import contextlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any


class _None(dict):  # type: ignore[type-arg]
    """No application has migrations: tables are made as the models are now."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __getitem__(self, _name: object) -> None:
        return None


def begin(folder: str) -> None:
    """Set pretix up with an empty database in memory."""
    config = Path(folder) / "pretix.cfg"
    config.write_text(
        f"[pretix]\ninstance_name=test\nurl=http://127.0.0.1\ndatadir={folder}\n"
        "[database]\nbackend=sqlite3\n[mail]\nfrom=none@localhost\n"
    )
    os.environ["PRETIX_CONFIG_FILE"] = str(config)
    os.environ["DJANGO_SETTINGS_MODULE"] = "pretix.settings"
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    settings.MIGRATION_MODULES = _None()
    settings.DATABASES["default"]["NAME"] = ":memory:"
    django.setup()
    logging.disable(logging.CRITICAL)
    from django.core.management import call_command  # noqa: PLC0415

    with contextlib.redirect_stdout(sys.stderr):
        call_command("migrate", run_syncdb=True, interactive=False, verbosity=0)


def answers(cases: list[dict[str, Any]]) -> Iterator[list[bool | None]]:
    """What pretix says of each case's rules."""
    from django_scopes import scope, scopes_disabled  # noqa: PLC0415
    from pretix.base.models import Organizer  # noqa: PLC0415

    with scopes_disabled():
        organizer = Organizer.objects.create(name="Halls", slug="halls")
    with scope(organizer=organizer):
        for number, case in enumerate(cases):
            yield _answer(organizer, number, case)


def _answer(organizer: Any, number: int, case: dict[str, Any]) -> list[bool | None]:
    from pretix.base.models import Checkin, Event  # noqa: PLC0415
    from pretix.base.services.checkin import (  # noqa: PLC0415
        LazyRuleVars,
        _get_logic_environment,
    )

    event = Event.objects.create(
        organizer=organizer, name="Gala", slug=f"e{number}", currency="EUR", live=True, plugins="",
        date_from=_moment(case["begins"]), date_to=_moment(case["ends"]),
        date_admission=_moment(case["admission"]),
    )  # fmt: skip
    event.settings.timezone = case["zone"]
    position, other = _positions(organizer, event, number, case)
    wanted, elsewhere = (
        event.checkin_lists.create(name=name, all_products=True) for name in ("Main", "Other")
    )
    for one in case["checkins"]:
        Checkin.objects.create(
            position=other if one["is_others"] else position,
            list=elsewhere if one["is_elsewhere"] else wanted,
            type=one["type"], datetime=_moment(one["at"]), successful=one["stands"],
        )  # fmt: skip
    gate = None
    if case["gate"]:
        gate = organizer.gates.create(id=case["gate"], name="G", identifier=f"g{number}")
    said: list[bool | None] = []
    for asked in case["asked"]:
        at = _moment(asked["at"])
        facts = LazyRuleVars(position, wanted, at, gate=gate)
        try:
            logic = _get_logic_environment(event, facts, now_dt=at)
            said.append(bool(logic.apply(asked["rule"], facts)))
        except Exception:  # noqa: BLE001  whatever it is, pretix refuses for it
            said.append(None)
    return said


def _positions(organizer: Any, event: Any, number: int, case: dict[str, Any]) -> list[Any]:
    """The position that is asked about, and another one of the same order."""
    from pretix.base.models import Item, ItemVariation, Order, OrderPosition  # noqa: PLC0415

    item = Item.objects.create(
        id=case["product"], event=event, name="Day", default_price=Decimal(1)
    )
    variation = None
    if case["variation"]:
        variation = ItemVariation.objects.create(id=case["variation"], item=item, value="Adult")
    order = Order.objects.create(
        event=event, code=f"A{number}", email="a@example.org", status="p", locale="en",
        datetime=_moment(case["begins"]), expires=_moment(case["begins"]), total=Decimal(1),
        sales_channel=organizer.sales_channels.get(identifier="web"),
    )  # fmt: skip
    return [
        OrderPosition.objects.create(
            order=order, positionid=n, price=Decimal(1), item=item, variation=variation,
            attendee_name_parts={},
        )
        for n in (1, 2)
    ]  # fmt: skip


def _moment(stated: str | None) -> datetime | None:
    return None if stated is None else datetime.fromisoformat(stated)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        begin(folder)
        json.dump(list(answers(json.load(sys.stdin))), sys.stdout)
