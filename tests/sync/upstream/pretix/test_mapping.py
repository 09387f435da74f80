"""What pretix's items, lists and positions become, as a table."""

from typing import Any

import msgspec
import pytest

from gate.core.entry import Act
from gate.core.ticket import Status
from sync.upstream.pretix import mapping
from sync.upstream.pretix.answers import CheckinList, Date, Event, Item, Order
from sync.upstream.pretix.mapping import NOBODY, Catalogue, Sold

DAY, VIP, WORK = 2, 3, 4
ITEMS: list[dict[str, Any]] = [
    {"id": DAY, "name": {"en": "Day ticket", "de": "Tageskarte"},
     "variations": [{"id": 1, "value": {"en": "Adult"}},
                    {"id": 2, "value": "Child", "checkin_attention": True}]},
    {"id": VIP, "name": "VIP", "checkin_attention": True, "checkin_text": "Gold wristband"},
    {"id": WORK, "name": "Workshop"},
]  # fmt: skip


def catalogue(
    *, series: bool = False, media: dict[int, tuple[str, ...]] | None = None, **of_list: Any
) -> Catalogue:
    """An event with one list."""
    dates = (
        [
            {"id": 5, "name": "Berlin"},
            {"id": 6, "name": "Hamburg", "date_from": "2026-11-29T03:00:00Z"},
        ]
        if series
        else []
    )
    event = {"slug": "gala", "name": {"en": "Gala"}, "timezone": "Europe/Berlin"}
    items = msgspec.convert(ITEMS, list[Item])
    return Catalogue(
        msgspec.convert(event | {"has_subevents": series}, Event),
        msgspec.convert({"id": 2, "name": "Main"} | of_list, CheckinList),
        {one.id: one for one in items},
        {one.id: one for one in msgspec.convert(dates, list[Date])},
        media or {},
    )


def order(*positions: dict[str, Any], **more: Any) -> Order:
    """An order, paid unless somebody says otherwise."""
    made = [
        {"id": 100 + n, "item": DAY, "variation": 1, "secret": f"secret{n}"} | one
        for n, one in enumerate(positions or ({},))
    ]
    stated = {"code": "AAAA1", "status": "p", "datetime": "2026-11-25T01:59:29.035215Z"}
    return msgspec.convert(stated | {"positions": made} | more, Order)


def row(*positions: dict[str, Any], of: Catalogue | None = None, **more: Any) -> dict[str, Any]:
    """The first ticket of an order."""
    return mapping.ticket_rows(of or catalogue(), order(*positions, **more))[0]


@pytest.mark.parametrize(
    ("position", "of_order", "status"),
    [
        ({}, {}, Status.NORMAL),
        ({}, {"status": "n"}, Status.UNPAID),
        ({}, {"status": "n", "valid_if_pending": True}, Status.NORMAL),
        ({}, {"status": "n", "require_approval": True}, Status.UNAPPROVED),
        ({}, {"status": "n", "require_approval": True, "valid_if_pending": True},
         Status.UNAPPROVED),
        ({}, {"status": "c"}, Status.REVOKED),
        ({}, {"status": "e"}, Status.REVOKED),
        ({"canceled": True}, {}, Status.REVOKED),
        ({"blocked": ["admin"]}, {}, Status.BLOCKED),
        ({"blocked": []}, {}, Status.NORMAL),
        ({"blocked": ["admin"]}, {"status": "n"}, Status.BLOCKED),
        ({"blocked": ["admin"], "canceled": True}, {}, Status.REVOKED),
    ],
)  # fmt: skip
def test_how_a_ticket_stands(
    position: dict[str, Any], of_order: dict[str, Any], status: Status
) -> None:
    """What voids comes before what only holds back; paid, or good without, is normal."""
    assert row(position, **of_order)["status"] == status.value


def test_a_position_is_a_ticket_by_its_own_id() -> None:
    """Its id, code, type, order and holder; the name of an add-on without one is its parent's."""
    found = mapping.ticket_rows(
        catalogue(),
        order(
            {"attendee_name": "Mei Lin", "seat": {"name": "Row 2, Seat 15"}},
            {"item": WORK, "variation": None, "addon_to": 100},
        ),
    )
    assert found[0] == {
        "id": "p100", "code": "secret0", "other_codes": [], "type": "2-1", "status": "normal",
        "status_note": "", "order": "AAAA1", "holder": "Mei Lin", "note": "", "answers": {},
        "seats": ["Row 2, Seat 15"],
    }  # fmt: skip
    assert (found[1]["id"], found[1]["type"], found[1]["holder"]) == ("p101", "4", "Mei Lin")


def test_when_it_is_good() -> None:
    """From and until the very second that pretix says."""
    found = row({"valid_from": "2026-11-29T03:00:00Z", "valid_until": "2026-11-29T04:00:00+01:00"})
    assert (found["begin_time"], found["end_time"]) == (1795921200, 1795921200)


def test_what_is_said_at_the_door() -> None:
    """The order's text comes first; its attention is the ticket's, the item's is its type's."""
    found = row({"item": VIP, "variation": None}, checkin_text="Lanyard", checkin_attention=True)
    assert found["note"] == "Lanyard · Gold wristband"
    assert found["attention"]
    assert "attention" not in row({"item": VIP, "variation": None})
    of = catalogue()
    assert "attention" in mapping.type_row(of, Sold(VIP))
    assert "attention" in mapping.type_row(of, Sold(DAY, 2))
    assert "attention" not in mapping.type_row(of, Sold(DAY, 1))


def test_types_are_items_variations_and_dates() -> None:
    """Of a series one for each date, and of a list for one date only those of that one."""
    assert [one.id for one in catalogue().sold()] == ["2-1", "2-2", "3", "4"]
    of = catalogue(series=True, subevent=6)
    assert [one.id for one in of.sold()] == ["2-1@6", "2-2@6", "3@6", "4@6"]
    assert len(list(catalogue(series=True).sold())) == 8
    assert mapping.type_row(of, Sold(DAY, 1, 6)) == {
        "id": "2-1@6", "kind": "MEETING_TICKET", "title": "Day ticket · Adult · Hamburg",
        "time_zone": "Europe/Berlin", "product": "2", "variation": "1",
        "occasion_from": 1795921200,
    }  # fmt: skip
    assert mapping.type_row(of, Sold(99))["title"] == "#99"


@pytest.mark.parametrize(
    ("of_list", "rule", "value"),
    [
        ({}, "accepted_types", None),
        ({"all_products": False, "limit_products": [VIP]}, "accepted_types", ["3"]),
        ({"all_products": False, "limit_products": [DAY]}, "accepted_types", ["2-1", "2-2"]),
        ({"all_products": False}, "accepted_types", [NOBODY]),
        ({"series": True, "subevent": 5}, "accepted_types", ["2-1@5", "2-2@5", "3@5", "4@5"]),
        ({"series": True}, "accepted_types", None),
        ({}, "use_limit", None),
        ({"allow_multiple_entries": True}, "use_limit", "unlimited"),
        ({"allow_multiple_entries": True}, "pass_back", "admit"),
        ({}, "pass_back", "refuse"),
        ({"allow_entry_after_exit": False}, "reentry", False),
        ({}, "unpaid", "refuse"),
        ({"include_pending": True}, "unpaid", "ask"),
        ({}, "rule", None),
        ({"rules": {"<": [{"var": "entries_number"}, 3]}}, "rule",
         '{"<":[{"var":"entries_number"},3]}'),
    ],
)  # fmt: skip
def test_what_a_list_says_of_the_event(of_list: dict[str, Any], rule: str, value: object) -> None:
    """Each setting of a list is one of the event; a list of nothing never accepts everything."""
    assert mapping.rules(catalogue(**of_list))[rule] == value


ON_WORK: dict[str, Any] = {"all_products": False, "limit_products": [WORK], "addon_match": True}
MAIN = {"secret": "main"}


def addon(n: int, **more: Any) -> dict[str, Any]:
    """A workshop that belongs to the first position."""
    return {"item": WORK, "variation": None, "addon_to": 100, "secret": f"addon{n}"} | more


@pytest.mark.parametrize(
    ("addons", "codes"),
    [
        ([], [["main"]]),
        ([addon(1)], [["addon1+100"], ["addon1", "main"]]),
        ([addon(1), addon(2)], [["main"], ["addon1"], ["addon2"]]),
        ([addon(1), addon(2, canceled=True)],
         [["addon1+100"], ["addon1", "main"], ["addon2"]]),
        ([addon(1, canceled=True)], [["main"], ["addon1"]]),
    ],
)  # fmt: skip
def test_a_main_ticket_opens_for_its_one_addon(
    addons: list[dict[str, Any]], codes: list[list[str]]
) -> None:
    """Its code is that of the one add-on on the list; with none or several it stays its own."""
    found = mapping.ticket_rows(catalogue(**ON_WORK), order(MAIN, *addons))
    assert [[one["code"], *one["other_codes"]] for one in found] == codes
    plain = mapping.ticket_rows(catalogue(), order(MAIN, *addons))
    assert [one["code"] for one in plain] == ["main", *(one["secret"] for one in addons)]


def test_a_medium_is_another_code() -> None:
    """A wristband with one ticket opens for it."""
    assert row(of=catalogue(media={100: ("BAND-1",)}))["other_codes"] == ["BAND-1"]


def checkin(id_: int, **more: Any) -> dict[str, Any]:
    """An entry on list 2 by device 7."""
    at = "2026-11-29T02:00:43.705Z"
    return {"id": id_, "datetime": at, "list": 2, "type": "entry", "device_id": 7} | more


def test_what_others_did_and_not_what_we_did() -> None:
    """Entries and exits of this list by devices that are none of ours, with who did it."""
    done = [
        checkin(1), checkin(2, list=3), checkin(3, device_id=1), checkin(4, type="exit"),
        checkin(5, device_id=None), checkin(6, device_id=None, auto_checked_in=True, type="exit"),
    ]  # fmt: skip
    found = mapping.movements(catalogue(), order({"checkins": done}), frozenset({"1"}))
    assert [(one.ref, one.act, one.note) for one in found] == [
        ("1", Act.ADMISSION, "pretix, device 7"),
        ("4", Act.EXIT, "pretix, device 7"),
        ("5", Act.ADMISSION, "pretix, by hand"),
        ("6", Act.EXIT, "pretix, by itself"),
    ]
    assert (found[0].ticket, found[0].at_ms) == ("p100", 1795917643705)


@pytest.mark.parametrize(
    ("ticket", "position"), [("p12", 12), ("12", None), ("p", None), ("p٣", None), ("guest", None)]
)
def test_whose_ticket_it_is(ticket: str, position: int | None) -> None:
    """Tickets that pretix has never had are none of its."""
    assert mapping.position_of(ticket) == position
