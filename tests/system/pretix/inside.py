"""Runs in pretix's own process and environment: makes a database, fills it, serves, changes things.

``python inside.py PORT [PROCESSES]``. Made up is everything: names, addresses, codes. On SQLite one
request at a time, as it has one writer. ``POST /-/do`` with ``{"what": …}`` changes something as an
organiser would.
"""

import io
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from datetime import timedelta
from importlib import import_module
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import_module("django").setup()
models: Any = import_module("pretix.base.models")
orders: Any = import_module("pretix.base.services.orders")
scopes: Any = import_module("django_scopes")
transaction: Any = import_module("django.db").transaction
now: Any = import_module("django.utils.timezone").now
ITEMS = {"day": "Day ticket", "vip": "VIP", "work": "Workshop"}


def fill() -> None:
    """An organiser with an event, its lists and one order of every kind, and a series."""
    organizer = models.Organizer.objects.create(name="Demo Halls", slug="demo")
    with scopes.scope(organizer=organizer):
        start = (now() + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
        gala = _event(organizer, "gala", "Winter Gala", start)
        extras = gala.categories.create(name="Extras", is_addon=True)
        day = gala.items.create(name=ITEMS["day"], default_price=23, admission=True)
        adult = day.variations.create(value="Adult")
        vip = gala.items.create(
            name=ITEMS["vip"], default_price=99, checkin_attention=True,
            checkin_text="Gold wristband",
        )  # fmt: skip
        work = gala.items.create(name=ITEMS["work"], default_price=10, category=extras)
        gala.checkin_lists.create(name="Main", all_products=True)
        of_work = gala.checkin_lists.create(name="Workshop", all_products=False, addon_match=True)
        of_work.limit_products.add(work)
        gala.checkin_lists.create(
            name="Often", all_products=True, allow_multiple_entries=True, include_pending=True
        )
        main = _order(gala, "AAAA1", "p", [(day, adult, "Mei Lin"), (day, adult, "Jonas Weber")])
        models.OrderPosition.objects.create(
            order=main, positionid=3, price=10, item=work, addon_to=main.positions.first(),
            attendee_name_parts={},
        )  # fmt: skip
        _order(gala, "BBBB2", "p", [(vip, None, "Ada Brown")], checkin_text="Ask for the lanyard")
        _order(gala, "CCCC3", "n", [(day, adult, "Paul Unpaid")])
        _order(gala, "DDDD4", "n", [(day, adult, "Vera Valid")], valid_if_pending=True)
        _order(gala, "EEEE5", "c", [(day, adult, "Carl Canceled")])
        _order(gala, "GGGG7", "n", [(day, adult, "Nora Unapproved")], require_approval=True)
        blocked = _order(gala, "HHHH8", "p", [(day, adult, "Bob Blocked")]).positions.get()
        blocked.blocked = ["admin"]
        blocked.save()
        medium = models.ReusableMedium.objects.create(
            organizer=organizer, type="barcode", identifier="MEDIUM-0001"
        )
        medium.linked_orderpositions.add(main.positions.all()[1])
        tour = _event(organizer, "tour", "Tour", start, has_subevents=True)
        seat = tour.items.create(name="Seat", default_price=5, admission=True)
        dates = [
            tour.subevents.create(name=name, date_from=start + timedelta(days=n), active=True)
            for n, name in enumerate(("Berlin", "Hamburg"))
        ]
        tour.checkin_lists.create(name="Berlin", all_products=True, subevent=dates[0])
        for n, date in enumerate(dates):
            _order(tour, f"TTTT{n}", "p", [(seat, None, f"Guest of {date.name}")], subevent=date)


def _event(organizer: Any, slug: str, name: str, start: Any, **more: Any) -> Any:
    made = models.Event.objects.create(
        organizer=organizer, name=name, slug=slug, currency="EUR", live=True, plugins="",
        date_from=start, date_to=start + timedelta(hours=5), **more,
    )  # fmt: skip
    made.settings.timezone = "Europe/Berlin"
    return made


def _order(
    event: Any, code: str, status: str, sold: Iterable[Any], subevent: Any = None, **more: Any
) -> Any:
    made = models.Order.objects.create(
        event=event, code=code, email=f"{code.lower()}@example.org", status=status, locale="en",
        datetime=now() - timedelta(days=1), expires=now() + timedelta(days=10), total=23,
        sales_channel=event.organizer.sales_channels.get(identifier="web"), **more,
    )  # fmt: skip
    for n, (item, variation, name) in enumerate(sold, 1):
        models.OrderPosition.objects.create(
            order=made, positionid=n, price=23, item=item, variation=variation, subevent=subevent,
            attendee_name_parts={"_scheme": "full", "full_name": name},
        )  # fmt: skip
    made.create_transactions()
    return made


def device(name: str, profile: str = "pretixscan", gate: str = "") -> str:
    """A new device, at a gate or none; the answer is what its code says."""
    organizer = models.Organizer.objects.get()
    at = models.Gate.objects.get_or_create(organizer=organizer, name=gate)[0] if gate else None
    made = models.Device.objects.create(
        organizer=organizer, name=name, all_events=True, security_profile=profile, gate=at
    )
    url = f"http://127.0.0.1:{sys.argv[1]}"
    return json.dumps({"handshake_version": 1, "url": url, "token": made.initialization_token})


def is_revoked(name: str) -> bool:
    """Whether a device is no more."""
    return bool(models.Device.objects.get(name=name).revoked)


def revoke(name: str) -> None:
    """A device is lost."""
    models.Device.objects.filter(name=name).update(revoked=True, api_token=None)


def sell(count: int, prefix: str = "N") -> None:
    """So many paid orders of one ticket each, all of one moment."""
    event = models.Event.objects.get(slug="gala")
    item = next(one for one in event.items.all() if one.variations.exists())
    moment = now()
    for n in range(count):
        _order(event, f"{prefix}{n:05}", "p", [(item, item.variations.first(), f"Guest {n}")])
    models.Order.objects.filter(code__startswith=prefix).update(datetime=moment)


def cancel(order: str) -> None:
    """The whole order."""
    orders._cancel_order(models.Order.objects.get(code=order).pk, send_mail=False)


def change(order: str, position: int, act: str) -> None:
    """One position: ``cancel``, ``split``, ``regenerate_secret`` or ``block``."""
    found = models.Order.objects.get(code=order)
    manager = orders.OrderChangeManager(found, notify=False)
    more = ("admin",) if act == "add_block" else ()
    getattr(manager, act)(found.positions.get(positionid=position), *more)
    manager.commit(check_quotas=False)


def cancel_position(order: str) -> None:
    """Its only position by itself, as it stays of an order that was changed to a fee."""
    models.OrderPosition.all.filter(order__code=order).update(canceled=True)


def pay(order: str) -> None:
    """Money has come."""
    found = models.Order.objects.get(code=order)
    found.status = "p"
    found.save()


def add(order: str) -> None:
    """One more of what the order has."""
    found = models.Order.objects.get(code=order)
    first = found.positions.first()
    models.OrderPosition.objects.create(
        order=found, positionid=2, price=23, item=first.item, variation=first.variation,
        attendee_name_parts={},
    )  # fmt: skip
    found.create_transactions()
    found.touch()


def touch(order: str) -> None:
    """Nothing is changed, and the order is among what changed."""
    models.Order.objects.get(code=order).touch()


def age(device: str) -> None:
    """What a device has let in it has an hour earlier."""
    for one in models.Checkin.all.filter(device__name=device):
        one.datetime -= timedelta(hours=1)
        one.save()


def rename(item: str, name: str) -> None:
    """What is sold is called otherwise from now on."""
    found = models.Item.objects.get(name__icontains=item)
    found.name = name
    found.save()


QUESTIONS = {
    "B": "Over 18?", "N": "How many bags?", "S": "Number plate?", "T": "Allergies?",
    "C": "Which meal?", "M": "Which talks?", "D": "Born when?", "H": "Train at?",
    "W": "Arrives when?", "CC": "From where?", "TEL": "Phone?", "F": "Photo?",
}  # fmt: skip


def ask() -> dict[str, int]:
    """A question of every type for day tickets: asked at the door, none is needed."""
    event = models.Event.objects.get(slug="gala")
    day = event.items.get(name__icontains=ITEMS["day"])
    made = {}
    for type_, text in QUESTIONS.items():
        one = event.questions.create(
            question=text, type=type_, required=type_ in "BC", ask_during_checkin=type_ != "F",
            show_during_checkin=type_ == "S",
        )  # fmt: skip
        one.items.add(day)
        if type_ in "CM":
            for answer in ("Soup", "Fish"):
                one.options.create(answer=answer, identifier=f"{type_}-{answer}")
        made[type_] = one.pk
    bones = event.questions.create(
        question="Bones?", type="B", ask_during_checkin=True, dependency_question_id=made["C"],
        dependency_values=["C-Fish"],
    )  # fmt: skip
    bones.items.add(day)
    bags = event.questions.get(pk=made["N"])
    bags.valid_number_max = 3
    bags.save()
    return made | {"bones": bones.pk}


def ask_no_more() -> None:
    """No question is left."""
    models.QuestionAnswer.objects.all().delete()
    models.Question.objects.all().delete()


def answers(order: str) -> dict[str, str]:
    """What pretix has of an order's answers, by the question's text."""
    found = models.QuestionAnswer.objects.filter(orderposition__order__code=order)
    return {str(one.question.question): str(one.answer) for one in found}


def reanswer(order: str, question: int, answer: str) -> None:
    """The organiser puts another answer."""
    found = models.Order.objects.get(code=order)
    models.QuestionAnswer.objects.update_or_create(
        orderposition=found.positions.get(), question_id=question, defaults={"answer": answer}
    )
    found.touch()


def backup(path: str) -> None:
    """A copy of the whole database."""
    with closing(sqlite3.connect(_database())) as here, closing(sqlite3.connect(path)) as copy:
        here.backup(copy)


def restore(path: str) -> None:
    """The database is again what it was."""
    with closing(sqlite3.connect(path)) as copy, closing(sqlite3.connect(_database())) as here:
        copy.backup(here)


def _database() -> str:
    return str(import_module("django.conf").settings.DATABASES["default"]["NAME"])


def lists() -> dict[str, int]:
    """The check-in lists by name."""
    return {one.name: one.pk for one in models.CheckinList.objects.all()}


def checkins() -> list[dict[str, Any]]:
    """All that pretix has of check-ins, those that failed too."""
    return [
        {
            "list": one.list_id, "position": one.position_id, "type": one.type,
            "at_ms": round(one.datetime.timestamp() * 1000),
            "nonce": one.nonce or "", "ok": one.successful, "why": one.error_reason or "",
            "forced": one.force_sent, "by": one.device.name if one.device else "",
            "gate": one.gate.name if one.gate else "",
        }
        for one in models.Checkin.all.order_by("pk")
    ]  # fmt: skip


def secrets() -> dict[str, list[str]]:
    """The codes of every order that is not canceled as a whole."""
    found: dict[str, list[str]] = {}
    for one in models.OrderPosition.all.order_by("order__code", "positionid"):
        found.setdefault(one.order.code, []).append(one.secret)
    return found


DO: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        answers,
        ask,
        ask_no_more,
        add,
        age,
        backup,
        cancel,
        cancel_position,
        change,
        checkins,
        device,
        is_revoked,
        lists,
        pay,
        reanswer,
        rename,
        restore,
        revoke,
        secrets,
        sell,
        touch,
    )
}


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Nobody reads it."""


def serve(port: int, processes: int = 1) -> None:
    """Serve pretix, and what is asked of this file, until the process ends."""
    pretix: Any = import_module("pretix.wsgi").application
    one_at_a_time: Any = threading.Lock() if processes == 1 else nullcontext()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # Whoever is slow to send must not keep the others waiting.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with one_at_a_time:
            if environ["PATH_INFO"] != "/-/do":
                return list(pretix(environ, start_response))
            asked = json.loads(body)
            work = DO[asked.pop("what")]
            # A database that is replaced is in no transaction.
            as_one = nullcontext() if work in (backup, restore) else transaction.atomic()
            with scopes.scopes_disabled(), as_one:
                answer = work(**asked)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    server = make_server("127.0.0.1", port, application, _Threads, _Quiet)
    # No connection of a database may be shared by two processes.
    import_module("django.db").connections.close_all()
    for _more in range(processes - 1):
        if os.fork() == 0:
            break
    server.serve_forever()


if __name__ == "__main__":
    import_module("django.core.management").call_command(
        "migrate", run_syncdb=True, interactive=False, verbosity=0
    )
    with scopes.scopes_disabled(), transaction.atomic():
        fill()
    serve(*map(int, sys.argv[1:]))
