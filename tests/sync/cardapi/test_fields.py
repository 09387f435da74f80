"""Every field of the card API: its limit to the byte, its missing, what it may change into."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gate.core.ticket import Kind, WeeklyHours
from gate.storage.row_values import BadRow
from gate.storage.ticket_rows import type_body
from sync.cardapi import fields
from sync.cardapi.card import Card, CardStatus, read_create, read_update, shown
from sync.cardapi.claims import read_openid
from sync.cardapi.errcodes import TEXTS, Errcode, Refused
from sync.cardapi.fields import (
    ADVANCED_INFO,
    BASE_INFO,
    BASE_INFO_UPDATE,
    BOARDING_UPDATE,
    COLORS,
    DETAILS,
    MAX_SECONDS,
    MEETING_UPDATE,
    MOVIE_UPDATE,
    NODES,
    Field,
    Reader,
    read_fields,
)
from sync.cardapi.projection import type_row, window
from tests.support.cardapi import DAY_S, MAKERS, base_info, boarding, meeting, movie, scenic

NOW = int(time.time())
BASE_LIMITS = {
    "logo_url": 128, "brand_name": 36, "title": 27, "notice": 48, "description": 3072,
    "service_phone": 24, "source": 36, "custom_url_name": 15, "custom_url": 128,
    "custom_url_sub_title": 18, "promotion_url_name": 15, "promotion_url": 128,
    "promotion_url_sub_title": 18, "center_title": 18, "center_sub_title": 24, "center_url": 128,
    "custom_app_brand_user_name": 128, "custom_app_brand_pass": 128,
    "promotion_app_brand_user_name": 128, "promotion_app_brand_pass": 128,
    "center_app_brand_user_name": 128, "center_app_brand_pass": 128,
}  # fmt: skip
DETAIL_LIMITS = {
    "MEETING_TICKET": {"meeting_detail": 3072, "map_url": 128},
    "SCENIC_TICKET": {"ticket_class": 3072, "guide_url": 128},
    "MOVIE_TICKET": {"detail": 3072},
    "BOARDING_PASS": {"from": 54, "to": 54, "flight": 24, "gate": 12, "check_in_url": 128,
                      "air_model": 24},
}  # fmt: skip
UPDATE_LIMITS = [
    (MEETING_UPDATE, {"zone": 12, "entrance": 12, "seat_number": 12}, {}),
    (MOVIE_UPDATE, {"ticket_class": 12, "screening_room": 12, "seat_number": 12},
     {"ticket_class": "4D", "show_time": NOW, "duration": 120}),
    (BOARDING_UPDATE, {"class": 15, "passenger_name": 45, "seat": 12, "gate": 12,
                       "qrcode_data": 3072}, {"etkt_bnr": "1", "class": "Y"}),
]  # fmt: skip
DETAIL_CASES = [(kind, name, n) for kind, ls in DETAIL_LIMITS.items() for name, n in ls.items()]


def exactly(limit: int) -> list[str]:
    """Texts of that many UTF-8 bytes: Chinese characters are three each, ASCII one."""
    return ["a" * limit, "票" * (limit // 3) + "x" * (limit % 3)]


def create(body: dict[str, Any]) -> Card:
    """A card as it is read."""
    said = read_create(body, NOW)
    return Card(
        card_id="p1", appid="wx", event="show", kind=said.kind, status=CardStatus.VERIFY_OK,
        base=said.base, detail=said.detail, advanced=said.advanced, quantity=said.quantity,
        total=said.quantity, initial=said.quantity, created_s=NOW, updated_s=NOW,
    )  # fmt: skip


def refused(body: dict[str, Any]) -> Errcode:
    """The code with which a card is refused."""
    with pytest.raises(Refused) as told:
        read_create(body, NOW)
    return told.value.code


@pytest.mark.parametrize(("name", "limit"), BASE_LIMITS.items())
def test_a_base_field_is_as_long_as_it_may_be(name: str, limit: int) -> None:
    """The limit is UTF-8 bytes; one more is 45021."""
    for text in exactly(limit):
        assert create(meeting(**{name: text})).base[name] == text
        assert refused(meeting(**{name: text + "a"})) == Errcode.TOO_LONG


@pytest.mark.parametrize(("kind", "name", "limit"), DETAIL_CASES)
def test_a_kind_s_field_is_as_long_as_it_may_be(kind: str, name: str, limit: int) -> None:
    """The limit is UTF-8 bytes; one more is 45021."""
    for text in exactly(limit):
        assert create(MAKERS[kind](own={name: text})).detail[name] == text
        assert refused(MAKERS[kind](own={name: text + "a"})) == Errcode.TOO_LONG


@pytest.mark.parametrize(("of", "limits", "others"), UPDATE_LIMITS)
def test_a_ticket_s_field_is_as_long_as_it_may_be(
    of: tuple[Field, ...], limits: dict[str, int], others: dict[str, Any]
) -> None:
    """The limit is UTF-8 bytes; one more is 45021."""
    for name, limit in limits.items():
        for text in exactly(limit):
            value = read_fields(of, others | {name: text})[name]
            assert value in (text, [text])
            with pytest.raises(Refused) as told:
                read_fields(of, others | {name: text + "a"})
            assert told.value.code == Errcode.TOO_LONG


@pytest.mark.parametrize(
    ("limit", "advanced"),
    [
        (512, lambda text: {"use_condition": {"accept_category": text}}),
        (512, lambda text: {"use_condition": {"reject_category": text}}),
        (512, lambda text: {"use_condition": {"object_use_for": text}}),
        (72, lambda text: {"abstract": {"abstract": text}}),
        (128, lambda text: {"abstract": {"icon_url_list": [text]}}),
        (128, lambda text: {"text_image_list": [{"image_url": text}]}),
        (512, lambda text: {"text_image_list": [{"text": text}]}),
        (64, lambda text: {"business_service": [text]}),
    ],
)
def test_an_advanced_field_is_as_long_as_it_may_be(
    limit: int, advanced: Callable[[str], dict[str, Any]]
) -> None:
    """The limit is UTF-8 bytes; one more is 45021."""
    for text in exactly(limit):
        create(meeting(advanced_info=advanced(text)))
        assert refused(meeting(advanced_info=advanced(text + "a"))) == Errcode.TOO_LONG


@pytest.mark.parametrize(
    ("said", "least", "most", "code"),
    [
        (lambda n: {"sku": {"quantity": n}}, 1, 100_000_000, Errcode.BAD_STOCK),
        (lambda n: {"get_limit": n}, 1, 100_000_000, Errcode.BAD_PARAMETER),
        (lambda n: {"use_limit": n}, 1, 100_000_000, Errcode.BAD_PARAMETER),
        (lambda n: {"date_info": {"type": 2, "fixed_term": n}}, 0, 100_000, Errcode.BAD_TIME),
        (lambda n: {"date_info": {"type": 2, "fixed_term": 1, "fixed_begin_term": n}}, 0, 100_000,
         Errcode.BAD_TIME),
        (lambda n: {"date_info": {"type": 1, "begin_timestamp": n, "end_timestamp": MAX_SECONDS}},
         0, MAX_SECONDS - 1, Errcode.BAD_TIME),
        (lambda n: {"date_info": {"type": 1, "begin_timestamp": 0, "end_timestamp": n}},
         NOW + 1, MAX_SECONDS, Errcode.BAD_TIME),
        (lambda n: {"advanced_info": {"time_limit": [{"type": "MONDAY", "begin_hour": n}]}}, 0, 24,
         Errcode.BAD_PARAMETER),
        (lambda n: {"advanced_info": {"time_limit": [{"type": "MONDAY", "end_hour": n}]}}, 0, 24,
         Errcode.BAD_PARAMETER),
        (lambda n: {"advanced_info": {"time_limit": [{"type": "MONDAY", "begin_minute": n}]}},
         0, 59, Errcode.BAD_PARAMETER),
        (lambda n: {"advanced_info": {"time_limit": [{"type": "MONDAY", "end_minute": n}]}}, 0, 59,
         Errcode.BAD_PARAMETER),
    ],
    ids=["quantity", "get_limit", "use_limit", "fixed_term", "fixed_begin_term", "begin_timestamp",
         "end_timestamp", "begin_hour", "end_hour", "begin_minute", "end_minute"],
)  # fmt: skip
def test_a_number_is_as_small_and_as_large_as_it_may_be(
    said: Callable[[int], dict[str, Any]], least: int, most: int, code: Errcode
) -> None:
    """Beyond either end it is refused; within, gates take it, as a number and as text."""
    for number in (least, most):
        for stated in (number, str(number)):
            card = create(meeting(**said(stated)))  # type: ignore[arg-type]
            assert type_body(type_row(card), "UTC", is_exact=True).id == "p1"
            assert 0 <= window(card, NOW)[0] <= MAX_SECONDS
    for number in (least - 1, most + 1):
        assert refused(meeting(**said(number))) == code


@pytest.mark.parametrize(
    ("read", "limit", "code"),
    [
        (fields.code, 20, Errcode.TOO_LONG),
        (fields.card_id, 32, Errcode.TOO_LONG),
        (fields.openid, 64, Errcode.TOO_LONG),
        (lambda _name, said: read_openid({"openid": said}), 64, Errcode.BAD_OPENID),
    ],
)
def test_who_and_which_are_as_long_as_they_may_be(read: Reader, limit: int, code: Errcode) -> None:
    """Codes, cards and openids: one byte more is refused."""
    assert read("it", "a" * limit) == "a" * limit
    with pytest.raises(Refused) as told:
        read("it", "a" * (limit + 1))
    assert told.value.code == code


def test_no_text_field_is_without_a_test() -> None:
    """Whatever reads text has its limit in a table here."""
    texts = {f.name for f in BASE_INFO if "text.<locals>" in repr(f.read)}
    assert texts == set(BASE_LIMITS)
    for kind, of in DETAILS.items():
        texts = {f.name for f in of if "text.<locals>" in repr(f.read)}
        assert texts == set(DETAIL_LIMITS[kind.value])


REQUIRED = [f.name for f in BASE_INFO if f.is_required]


def test_nine_fields_are_required() -> None:
    """As the reference's table says."""
    assert set(REQUIRED) == {
        "logo_url", "code_type", "brand_name", "title", "color", "notice", "description", "sku",
        "date_info",
    }  # fmt: skip


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_base_field_is_missed(name: str) -> None:
    """Left out, null or empty it is 41011."""
    for value in (None, ""):
        body = meeting()
        body["card"]["meeting_ticket"]["base_info"][name] = value
        assert refused(body) == Errcode.NO_FIELD
    body = meeting()
    del body["card"]["meeting_ticket"]["base_info"][name]
    assert refused(body) == Errcode.NO_FIELD


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_s_required_field_is_missed(kind: Kind) -> None:
    """Left out it is 41011; what is not required may be left out."""
    for field in DETAILS[kind]:
        body = MAKERS[kind.value]()
        body["card"][NODES[kind]].pop(field.name, None)
        if field.is_required:
            assert refused(body) == Errcode.NO_FIELD
        else:
            create(body)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"color": "Color999"}, Errcode.BAD_COLOR),
        ({"color": 10}, Errcode.BAD_COLOR),
        ({"code_type": "CODE_TYPE_SMELL"}, Errcode.BAD_LOCATION),
        ({"sku": 5}, Errcode.BAD_SKU),
        ({"sku": {}}, Errcode.BAD_SKU),
        ({"sku": {"quantity": 0}}, Errcode.BAD_STOCK),
        ({"sku": {"quantity": 100_000_001}}, Errcode.BAD_STOCK),
        ({"sku": {"quantity": "many"}}, Errcode.BAD_STOCK),
        ({"date_info": {}}, Errcode.NO_FIELD),
        ({"date_info": []}, Errcode.BAD_TIME),
        ({"date_info": {"type": 3}}, Errcode.BAD_TIME),
        ({"date_info": {"type": "DATE_TYPE_PERMANENT"}}, Errcode.BAD_TIME),
        ({"date_info": {"type": 1, "begin_timestamp": NOW}}, Errcode.BAD_TIME),
        ({"date_info": {"type": 1, "begin_timestamp": NOW + 9, "end_timestamp": NOW + 9}},
         Errcode.BAD_TIME),
        ({"date_info": {"type": 1, "begin_timestamp": 1397577600, "end_timestamp": 1422724261}},
         Errcode.BAD_TIME),
        ({"date_info": {"type": 1, "begin_timestamp": NOW * 1000,
                        "end_timestamp": (NOW + 9) * 1000}}, Errcode.BAD_TIME),
        ({"date_info": {"type": 2}}, Errcode.BAD_TIME),
        ({"date_info": {"type": 2, "fixed_term": -1}}, Errcode.BAD_TIME),
        ({"use_all_locations": True}, Errcode.BAD_LOCATION),
        ({"location_id_list": [{"a": 1}]}, Errcode.BAD_LOCATION),
        ({"location_id_list": ["hall"]}, Errcode.BAD_LOCATION),
        ({"location_id_list": [-1]}, Errcode.BAD_LOCATION),
        ({"location_id_list": [True]}, Errcode.BAD_LOCATION),
        ({"location_id_list": [2**63]}, Errcode.BAD_LOCATION),
        ({"location_id_list": list(range(1, 1002))}, Errcode.BAD_LOCATION),
        ({"get_limit": 0}, Errcode.BAD_PARAMETER),
        ({"use_limit": "a"}, Errcode.BAD_PARAMETER),
        ({"can_share": "perhaps"}, Errcode.BAD_PARAMETER),
        ({"title": ["a"]}, Errcode.BAD_PARAMETER),
        ({"title": "a\0b"}, Errcode.BAD_PARAMETER),
        ({"get_custom_code_mode": "GET_CUSTOM_CODE_MODE_DEPOSIT", "sku": {"quantity": 0}},
         Errcode.BAD_PARAMETER),
        ({"get_custom_code_mode": "GET_CUSTOM_CODE_MODE_DEPOSIT", "use_custom_code": True},
         Errcode.BAD_STOCK),
        ({"advanced_info": {"time_limit": [{"type": "SOMEDAY"}]}}, Errcode.BAD_PARAMETER),
        ({"advanced_info": {"abstract": {"abstract": "a" * 73}}}, Errcode.TOO_LONG),
        ({"advanced_info": "x"}, Errcode.BAD_PARAMETER),
    ],
)  # fmt: skip
def test_a_bad_value_has_its_code(said: dict[str, Any], code: Errcode) -> None:
    """Each field that is wrong in its own way is refused with its own code."""
    assert refused(meeting(**said)) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, Errcode.NO_FIELD),
        ({"card": {}}, Errcode.NO_FIELD),
        ({"card": []}, Errcode.BAD_PARAMETER),
        ({"card": {"card_type": "MEMBER_CARD"}}, Errcode.BAD_CARD_TYPE),
        ({"card": {"card_type": ["MEETING_TICKET"]}}, Errcode.BAD_CARD_TYPE),
        ({"card": {"card_type": "MEETING_TICKET"}}, Errcode.NO_FIELD),
        ({"card": {"card_type": "MEETING_TICKET", "meeting_ticket": {}}}, Errcode.NO_FIELD),
        (boarding(own={"landing_time": 5}), Errcode.BAD_TIME),
    ],
)
def test_a_body_that_is_no_card(body: Any, code: Errcode) -> None:
    """What is not there, or of no kind, is named."""
    assert refused(body) == code


def test_numbers_and_texts_are_both_taken() -> None:
    """Date types as 1, "1" and by name, times as numbers and texts, flags as 0, 1 and texts."""
    begin, end = NOW - DAY_S, NOW + DAY_S
    wanted = create(meeting(date_info={"type": 1, "begin_timestamp": begin, "end_timestamp": end}))
    for kind in ("1", "DATE_TYPE_FIX_TIME_RANGE"):
        stated = {"type": kind, "begin_timestamp": str(begin), "end_timestamp": str(end)}
        assert create(meeting(date_info=stated)).base == wanted.base
    assert create(meeting(bind_openid="true", can_share=0)).base["bind_openid"] is True
    term = {"type": "DATE_TYPE_FIX_TERM", "fixed_term": "15"}
    assert type_row(create(scenic(date_info=term)))["term_days"] == 15
    assert create(meeting(unheard_of={"a": 1}, code_type="CODE_TYPE_NONE")).base["title"]


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ([123, 456], [123, 456]), (["123", "456"], [123, 456]), ("123,456", [123, 456]),
        ("123，456", [123, 456]), (" 123 | 456 ;", [123, 456]), ("[123, 456]", [123, 456]),
        (["123,456", 7], [123, 456, 7]), (123, [123]), ("123", [123]), ([5, "5", 5.0], [5]),
        ("0", []), (0, []), ("", []), ([], []), ([0, 7], [7]),
        ([2**63 - 1], [9_223_372_036_854_775_807]), ("9223372036854775807", [2**63 - 1]),
    ],
)  # fmt: skip
def test_places_however_they_are_listed(said: Any, ids: list[int]) -> None:
    """As a list, one by itself, or a text that lists them: kept and told as numbers."""
    card = create(meeting(location_id_list=said))
    assert shown(card)["meeting_ticket"]["base_info"]["location_id_list"] == ids
    assert type_row(card)["locations"] == [str(id_) for id_ in ids]


@pytest.mark.parametrize(
    ("advanced", "kept"),
    [
        ({"abstract": {"icon_url_list": "http://a"}}, {"abstract": {"icon_url_list": ["http://a"]}}),
        ({"business_service": "BIZ_SERVICE_FREE_WIFI"},
         {"business_service": ["BIZ_SERVICE_FREE_WIFI"]}),
        ({"text_image_list": {"text": "b"}}, {"text_image_list": [{"text": "b"}]}),
        ({"time_limit": {"type": "MONDAY"}}, {"time_limit": [{"type": "MONDAY"}]}),
        ({"business_service": ""}, {"business_service": []}),
        ({"use_condition": {"least_cost": "51"}}, {"use_condition": {"least_cost": 51}}),
        ({"use_condition": {"least_cost": ""}}, {"use_condition": {}}),
    ],
)  # fmt: skip
def test_one_by_itself_is_a_list_of_one(advanced: dict[str, Any], kept: dict[str, Any]) -> None:
    """Where the API takes a list, libraries that send its one member are understood."""
    assert create(scenic(advanced_info=advanced)).advanced == kept


def test_what_is_said_only_because_a_library_states_every_field() -> None:
    """0 as the end of a term, a day from 0:00 to 0:00, and empty text for a number say nothing."""
    term = {"type": "DATE_TYPE_FIX_TERM", "fixed_term": 3, "fixed_begin_term": 0,
            "begin_timestamp": 0, "end_timestamp": 0}  # fmt: skip
    assert "end" not in type_row(create(scenic(date_info=term)))
    zeros = dict.fromkeys(("begin_hour", "begin_minute", "end_hour", "end_minute"), 0)
    row = type_row(create(scenic(advanced_info={"time_limit": [{"type": "MONDAY", **zeros}]})))
    assert row["weekly"] == (WeeklyHours(1, 0, 1439),)
    assert "get_limit" not in create(scenic(get_limit="")).base
    assert read_fields(MEETING_UPDATE, {"begin_time": "", "zone": ""}) == {"zone": ""}


def test_a_number_of_an_electronic_ticket_has_14_characters() -> None:
    """The reference counts its digits, and its own example is five Chinese characters."""
    for number in ("电子客票号", "票" * 14, "7" * 14):
        said = {"class": "Y", "etkt_bnr": number}
        assert read_fields(BOARDING_UPDATE, said)["etkt_bnr"] == number
    with pytest.raises(Refused) as told:
        read_fields(BOARDING_UPDATE, {"class": "Y", "etkt_bnr": "7" * 15})
    assert told.value.code == Errcode.TOO_LONG


def test_the_review_a_change_needs() -> None:
    """Logo, notice, description, colour and a movie's detail go to review, the rest does not."""
    changes = {
        "logo_url": "http://a", "notice": "b", "description": "c", "color": "Color020",
        "service_phone": "1", "location_id_list": [7], "custom_url_name": "d", "custom_url": "e",
        "custom_url_sub_title": "f", "promotion_url": "g", "code_type": "CODE_TYPE_QRCODE",
        "get_limit": 9, "can_share": False, "can_give_friend": False,
    }  # fmt: skip
    card = create(meeting())
    to_review = set()
    for name, value in changes.items():
        changed, is_sent = read_update(
            card, {"meeting_ticket": {"base_info": {name: value}}}, NOW + 1
        )
        assert changed.base[name] != card.base.get(name)
        to_review |= {name} if is_sent else set()
    assert to_review == {"logo_url", "notice", "description", "color"}
    assert read_update(create(movie()), {"movie_ticket": {"detail": "new"}}, NOW)[1]
    assert not read_update(card, {"meeting_ticket": {"map_url": "new"}}, NOW)[1]
    flight = {"boarding_pass": {"departure_time": NOW + 60, "gate": "B2", "boarding_time": NOW}}
    later, is_sent = read_update(create(boarding()), flight, NOW)
    assert (type_row(later)["gate"], type_row(later)["boarding_time"]) == ("B2", NOW)
    assert not is_sent
    same = {"meeting_ticket": {"base_info": {"logo_url": card.base["logo_url"]}}}
    assert not read_update(card, same, NOW)[1]


@pytest.mark.parametrize(
    "said",
    [{"title": "X"}, {"brand_name": "X"}, {"use_custom_code": True}, {"bind_openid": True},
     {"sku": {"quantity": 3}}, {"get_custom_code_mode": "GET_CUSTOM_CODE_MODE_DEPOSIT"}],
)  # fmt: skip
def test_what_may_not_change(said: dict[str, Any]) -> None:
    """It is refused; said again as it is, it is passed over."""
    card = create(meeting())
    with pytest.raises(Refused) as told:
        read_update(card, {"meeting_ticket": {"base_info": said}}, NOW)
    assert told.value.code == Errcode.BAD_PARAMETER
    silent = create(meeting(use_custom_code=None, bind_openid=None))
    with pytest.raises(Refused):
        read_update(silent, {"meeting_ticket": {"base_info": said}}, NOW)
    again = {"title": "XX会议", "use_custom_code": False, "sku": {"quantity": 50_000_000}}
    assert read_update(card, {"meeting_ticket": {"base_info": again}}, NOW)[0].base == card.base


def test_places_are_listed_or_all() -> None:
    """Of the list and "all of them" whichever is said last holds; both at once are 40072."""
    card = create(meeting(location_id_list=[7]))

    def change(card: Card, **said: Any) -> Card:
        return read_update(card, {"meeting_ticket": {"base_info": said}}, NOW)[0]

    everywhere = change(card, use_all_locations=True)
    assert type_row(everywhere)["locations"] == []
    assert shown(everywhere)["meeting_ticket"]["base_info"]["location_id_list"] == []
    assert type_row(change(everywhere, location_id_list=[9]))["locations"] == ["9"]
    assert type_row(change(card, location_id_list="0"))["locations"] == []
    with pytest.raises(Refused) as told:
        change(card, location_id_list=[9], use_all_locations=True)
    assert told.value.code == Errcode.BAD_LOCATION


def test_validity_may_only_be_widened() -> None:
    """Narrower, shifted or of another type is 40100."""
    begin, end = NOW - DAY_S, NOW + 30 * DAY_S
    card = create(meeting(date_info={"type": 1, "begin_timestamp": begin, "end_timestamp": end}))

    def try_(**info: Any) -> Card:
        return read_update(card, {"meeting_ticket": {"base_info": {"date_info": info}}}, NOW)[0]

    wider = try_(type="1", begin_timestamp=begin - 1, end_timestamp=str(end + 1))
    assert type_row(wider)["end"] == end + 1
    for info in (
        {"type": 1, "begin_timestamp": begin + 1, "end_timestamp": end},
        {"type": 1, "begin_timestamp": begin, "end_timestamp": end - 1},
        {"type": 2, "fixed_term": 90},
    ):
        with pytest.raises(Refused) as told:
            try_(**info)
        assert told.value.code == Errcode.ONLY_WIDER
    term = create(meeting(date_info={"type": 2, "fixed_term": 9}))
    for same in ({"fixed_term": "9"}, {"fixed_term": 9, "fixed_begin_term": 0}):
        said = {"meeting_ticket": {"base_info": {"date_info": {"type": "2", **same}}}}
        assert read_update(term, said, NOW)[0].base == term.base
    with pytest.raises(Refused):
        read_update(
            term,
            {"meeting_ticket": {"base_info": {"date_info": {"type": 2, "fixed_term": 10}}}},
            NOW,
        )


def test_terms_are_whole_days_at_utc_8() -> None:
    """The recorded answer: 90 days from a claim on 2016-06-28 end with 2016-09-25 23:59:59."""
    card = create(scenic(date_info={"type": 2, "fixed_term": 90}))
    assert window(card, 1467079200) == (1467043200, 1474819199)
    shift = create(scenic(date_info={"type": 2, "fixed_term": 1, "fixed_begin_term": 2}))
    assert window(shift, 1467079200)[0] == 1467043200 + 2 * DAY_S
    today = create(scenic(date_info={"type": 2, "fixed_term": 0}))
    assert window(today, 1467079200) == (1467043200, 1467043200 + DAY_S - 1)
    capped = replace(card, base={**card.base, "date_info": {
        "type": "DATE_TYPE_FIX_TERM", "fixed_term": 90, "end_timestamp": 1467100000}})  # fmt: skip
    assert window(capped, 1467079200)[1] == 1467100000


def test_what_is_shown_can_be_said_again() -> None:
    """The answer of card/get is a card: colour as hex, date type as text, and taken back."""
    for make in MAKERS.values():
        card = create(make())
        told = shown(card)
        node = NODES[card.kind]
        assert told[node]["base_info"]["color"] in COLORS.values()
        again = create({"card": told})
        assert (again.base["color"], again.detail) == (card.base["color"], card.detail)
        assert read_update(card, {node: told[node]}, NOW)[1] is False


def test_weekly_hours_reach_the_gate() -> None:
    """time_limit becomes the gate's weekly hours; a day without hours is open all day."""
    limits = [
        {"type": "MONDAY", "begin_hour": 9, "begin_minute": 30, "end_hour": 21, "end_minute": 59},
        {"type": "SATURDAY"},
        {"type": "HOLIDAY"},
    ]
    row = type_row(create(scenic(advanced_info={"time_limit": limits})))
    hours = (WeeklyHours(1, 9 * 60 + 30, 21 * 60 + 59), WeeklyHours(6, 0, 1439))
    assert row["weekly"] == hours
    kept = msgspec.json.decode(type_body(row, "UTC", is_exact=True).body)
    assert msgspec.convert(kept["weekly"], tuple[WeeklyHours, ...]) == hours
    text = type_body({**row, "weekly": "Mon 09:30-21:59; Sat 00:00-24:00"}, "UTC")
    assert msgspec.json.decode(text.body)["weekly"] == kept["weekly"]
    with pytest.raises(BadRow, match="weekly"):
        type_body(row, "UTC")


def test_every_card_is_a_ticket_type() -> None:
    """What any example says, and the longest of everything, is a row that gates take."""
    for kind, make in MAKERS.items():
        longest = {name: "票" * (n // 3) for name, n in DETAIL_LIMITS[kind].items()}
        for own in ({}, longest):
            row = type_row(create(make(own=own)))
            assert type_body(row, "UTC", is_exact=True).id == "p1"


def test_every_code_has_words_and_advanced_info_is_read() -> None:
    """No errcode is without a text; advanced_info is kept as it was read."""
    assert set(TEXTS) == set(Errcode)
    stated = {
        "use_condition": {"accept_category": "a", "can_use_with_other_discount": 1},
        "abstract": {"abstract": "b", "icon_url_list": ["http://c"]},
        "text_image_list": [{"image_url": "http://d", "text": "e"}],
        "business_service": ["BIZ_SERVICE_FREE_WIFI"],
        "share_friends": True,
    }
    read = read_fields(ADVANCED_INFO, stated)
    assert read["use_condition"]["can_use_with_other_discount"] is True
    assert set(read) == set(stated)
    assert {f.name for f in BASE_INFO_UPDATE} == {f.name for f in BASE_INFO}
    assert base_info()["title"]
