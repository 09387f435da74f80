"""Every field the card API takes: how it is read, how long it may be, whether it may change.

Lengths are UTF-8 bytes, as the API counts them (a Chinese character is three). A field that is too
long is 45021, one that is missing 41011 unless its row says otherwise. Fields that no table here
names are passed over. Pure: values in, values out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate.core.ticket import Kind
from gate.credential import Credential, parse
from sync.cardapi.errcodes import Errcode, Refused

MAX_SECONDS = 99_999_999_999
"""Above this a time is milliseconds; the API wants seconds (40079)."""
MAX_QUANTITY = 100_000_000
MAX_LIST = 1000
MAX_ID = 2**63 - 1
"""Largest id of a place: libraries keep them as 64-bit integers."""
COLORS = {
    "Color010": "#63b359", "Color020": "#2c9f67", "Color030": "#509fc9", "Color040": "#5885cf",
    "Color050": "#9062c0", "Color060": "#d09a45", "Color070": "#e4b138", "Color080": "#ee903c",
    "Color081": "#f08500", "Color082": "#a9d92d", "Color090": "#dd6549", "Color100": "#cc463d",
    "Color101": "#cf3e36", "Color102": "#5e6671",
}  # fmt: skip
_COLOR_NAMES = {value: name for name, value in COLORS.items()}
CODE_TYPES = (
    "CODE_TYPE_TEXT", "CODE_TYPE_BARCODE", "CODE_TYPE_QRCODE", "CODE_TYPE_ONLY_QRCODE",
    "CODE_TYPE_ONLY_BARCODE", "CODE_TYPE_NONE",
)  # fmt: skip
DYNAMIC = "1636"
"""Dynamic codes begin so; others must not."""
DEPOSIT = "GET_CUSTOM_CODE_MODE_DEPOSIT"
RANGE, TERM = "DATE_TYPE_FIX_TIME_RANGE", "DATE_TYPE_FIX_TERM"
_DATE_TYPES = {
    "1": RANGE, "2": TERM, RANGE: RANGE, TERM: TERM, "DATE_TYPE_FIX_TERM_RANGE": TERM,
}  # fmt: skip
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_DIGITS = re.compile(r"[0-9]{1,19}")
_BETWEEN = re.compile(r"[\s,，;；|\[\]]+")
"""Between the ids of a text that lists them."""

Reader = Callable[[str, Any], Any]
"""What a field's value says, given its name. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request."""

    name: str
    read: Reader
    is_required: bool = False
    missing: Errcode = Errcode.NO_FIELD
    to_review: bool = False
    """A change of it sends the card to review."""
    is_fixed: bool = False
    """It may not be changed after the card was created."""


def need(
    name: str,
    read: Reader,
    missing: Errcode = Errcode.NO_FIELD,
    *,
    to_review: bool = False,
    is_fixed: bool = False,
) -> Field:
    """A field that has to be there."""
    return Field(name, read, True, missing, to_review, is_fixed)  # noqa: FBT003


def text(limit: int, *, wrong: Errcode = Errcode.BAD_PARAMETER) -> Reader:
    """A text of at most ``limit`` UTF-8 bytes; numbers are taken as written."""

    def read(name: str, given: Any) -> str:
        if isinstance(given, bool) or not isinstance(given, str | int):
            raise Refused(wrong, f"{name} is not text")
        value = str(given)
        if "\0" in value:
            raise Refused(wrong, f"{name} has a NUL in it")
        if len(value.encode("utf-8", "replace")) > limit:
            raise Refused(Errcode.TOO_LONG, f"{name}, at most {limit} bytes")
        return value

    return read


def characters(limit: int) -> Reader:
    """A text of at most ``limit`` characters, where the API counts those."""
    text_of = text(4 * limit)

    def read(name: str, given: Any) -> str:
        value = str(text_of(name, given))
        if len(value) > limit:
            raise Refused(Errcode.TOO_LONG, f"{name}, at most {limit} characters")
        return value

    return read


@dataclass(frozen=True, slots=True)
class Whole:
    """Reads a whole number, given as a number or as text."""

    least: int
    most: int
    wrong: Errcode = Errcode.BAD_PARAMETER

    def __call__(self, name: str, given: Any) -> int:
        """The number. Raises Refused."""
        value = given
        if isinstance(given, str) and _DIGITS.fullmatch(given.strip()):
            value = int(given)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number or not self.least <= value <= self.most:
            raise Refused(self.wrong, f"{name}, {self.least} to {self.most}")
        return int(value)


def whole(least: int, most: int, wrong: Errcode = Errcode.BAD_PARAMETER) -> Whole:
    """A whole number, as a number or as text."""
    return Whole(least, most, wrong)


def flag(name: str, given: Any) -> bool:
    """True or false, also as 0 and 1 or in quotes."""
    value = given.casefold() if isinstance(given, str) else given
    if value in (True, 1, "true", "1"):
        return True
    if value in (False, 0, "false", "0", ""):
        return False
    raise Refused(Errcode.BAD_PARAMETER, f"{name} is true or false")


def choice(of: Sequence[str], wrong: Errcode = Errcode.BAD_PARAMETER) -> Reader:
    """One of some words."""

    def read(name: str, given: Any) -> str:
        if not isinstance(given, str) or given not in of:
            raise Refused(wrong, name)
        return given

    return read


def each(reader: Reader, *, most: int = MAX_LIST, wrong: Errcode = Errcode.BAD_PARAMETER) -> Reader:
    """A list of so many at most; one by itself, as some libraries send it, is a list of one."""

    def read(name: str, given: Any) -> list[Any]:
        listed = given if isinstance(given, list) else [] if given == "" else [given]
        if len(listed) > most:
            raise Refused(wrong, f"{name} is a list of at most {most}")
        return [reader(name, one) for one in listed]

    return read


def parts(fields: Sequence[Field], wrong: Errcode = Errcode.BAD_PARAMETER) -> Reader:
    """An object of fields."""

    def read(name: str, given: Any) -> dict[str, Any]:
        return read_fields(fields, need_object(name, given, wrong))

    return read


def need_object(name: str, given: Any, wrong: Errcode = Errcode.BAD_PARAMETER) -> Mapping[str, Any]:
    """The value as an object. Raises Refused."""
    if not isinstance(given, dict):
        raise Refused(wrong, f"{name} is an object")
    return given


def read_fields(
    fields: Sequence[Field], given: Mapping[str, Any], *, partly: bool = False
) -> dict[str, Any]:
    """The fields that were said, read; ``partly`` when none has to be. Raises Refused.

    ``null`` counts as not said; so does empty text for a required field, a number and a code.
    """
    found: dict[str, Any] = {}
    for field in fields:
        value = given.get(field.name)
        needs_text = field.is_required or isinstance(field.read, Whole) or field.read is code
        if value is None or (value == "" and needs_text):
            if field.is_required and not partly:
                raise Refused(field.missing, field.name)
            continue
        found[field.name] = field.read(field.name, value)
    return found


seconds = whole(0, MAX_SECONDS, Errcode.BAD_TIME)


def _color(name: str, given: Any) -> str:
    if isinstance(given, str):
        known = _COLOR_NAMES.get(given.casefold(), given)
        if known in COLORS:
            return known
    raise Refused(Errcode.BAD_COLOR, name)


def _locations(name: str, given: Any) -> list[int]:
    """Ids of places: a list, one by itself, or a text that lists them; 0 is none."""
    listed: list[Any] = []
    for one in given if isinstance(given, list) else [given]:
        listed += [id_ for id_ in _BETWEEN.split(one) if id_] if isinstance(one, str) else [one]
    if len(listed) > MAX_LIST:
        raise Refused(Errcode.BAD_LOCATION, f"{name}, at most {MAX_LIST}")
    read = whole(0, MAX_ID, Errcode.BAD_LOCATION)
    return [id_ for id_ in dict.fromkeys(read(name, one) for one in listed) if id_]


def _date_info(name: str, given: Any) -> dict[str, Any]:
    stated = need_object(name, given, Errcode.BAD_TIME)
    if stated.get("type") is None:
        raise Refused(Errcode.NO_FIELD, "date_info.type")
    kind = _DATE_TYPES.get(str(stated["type"]))
    if kind is None:
        raise Refused(Errcode.BAD_TIME, "date_info.type")
    if kind == RANGE:
        times = (
            need("begin_timestamp", seconds, Errcode.BAD_TIME),
            need("end_timestamp", seconds, Errcode.BAD_TIME),
        )
        found = read_fields(times, stated)
        if found["end_timestamp"] <= found["begin_timestamp"]:
            raise Refused(Errcode.BAD_TIME, "end_timestamp is not after begin_timestamp")
        return {"type": kind, **found}
    terms = (
        need("fixed_term", whole(0, 100_000, Errcode.BAD_TIME), Errcode.BAD_TIME),
        Field("fixed_begin_term", whole(0, 100_000, Errcode.BAD_TIME)),
        Field("end_timestamp", seconds),
    )
    found = read_fields(terms, stated)
    if not found.get("end_timestamp"):
        # Libraries that state every field they know say 0 for what their caller did not.
        found.pop("end_timestamp", None)
    return {"type": kind, "fixed_begin_term": 0, **found}


def _day(name: str, given: Any) -> str:
    if isinstance(given, str) and given.upper() in (*DAYS, "HOLIDAY"):
        return given.upper()
    raise Refused(Errcode.BAD_PARAMETER, f"time_limit.{name}")


SKU = (need("quantity", whole(0, MAX_QUANTITY, Errcode.BAD_STOCK), Errcode.BAD_SKU),)

BASE_INFO = (
    need("logo_url", text(128), to_review=True),
    need("code_type", choice(CODE_TYPES, Errcode.BAD_LOCATION)),
    need("brand_name", text(36), is_fixed=True),
    need("title", text(27), is_fixed=True),
    need("color", _color, to_review=True),
    need("notice", text(48), to_review=True),
    need("description", text(3072), to_review=True),
    need("sku", parts(SKU, Errcode.BAD_SKU), is_fixed=True),
    need("date_info", _date_info),
    Field("use_custom_code", flag, is_fixed=True),
    Field("get_custom_code_mode", choice((DEPOSIT, "")), is_fixed=True),
    Field("bind_openid", flag, is_fixed=True),
    Field("service_phone", text(24)),
    Field("location_id_list", _locations),
    Field("use_all_locations", flag),
    Field("source", text(36)),
    Field("custom_url_name", text(15)),
    Field("custom_url", text(128)),
    Field("custom_url_sub_title", text(18)),
    Field("promotion_url_name", text(15)),
    Field("promotion_url", text(128)),
    Field("promotion_url_sub_title", text(18)),
    Field("center_title", text(18)),
    Field("center_sub_title", text(24)),
    Field("center_url", text(128)),
    Field("custom_app_brand_user_name", text(128)),
    Field("custom_app_brand_pass", text(128)),
    Field("promotion_app_brand_user_name", text(128)),
    Field("promotion_app_brand_pass", text(128)),
    Field("center_app_brand_user_name", text(128)),
    Field("center_app_brand_pass", text(128)),
    Field("get_limit", whole(1, MAX_QUANTITY)),
    Field("use_limit", whole(1, MAX_QUANTITY)),
    Field("can_share", flag),
    Field("can_give_friend", flag),
    Field("need_push_on_view", flag),
    Field("use_dynamic_code", flag, is_fixed=True),
)
_WIDER_ON_UPDATE = {"custom_url_name": text(16), "promotion_url_name": text(16)}
BASE_INFO_UPDATE = tuple(
    Field(f.name, _WIDER_ON_UPDATE.get(f.name, f.read), f.is_required, f.missing, f.to_review,
          f.is_fixed)
    for f in BASE_INFO
)  # fmt: skip

ADVANCED_INFO = (
    Field(
        "use_condition",
        parts(
            (
                Field("accept_category", text(512)),
                Field("reject_category", text(512)),
                Field("least_cost", whole(0, MAX_QUANTITY)),
                Field("object_use_for", text(512)),
                Field("can_use_with_other_discount", flag),
            )
        ),
    ),
    Field(
        "abstract",
        # The table's 24 are Chinese characters: WeChat's own example has 19 of them, 57 bytes.
        parts((Field("abstract", text(72)), Field("icon_url_list", each(text(128), most=10)))),
    ),
    Field(
        "text_image_list",
        each(parts((Field("image_url", text(128)), Field("text", text(512)))), most=100),
    ),
    Field("business_service", each(text(64), most=20)),
    Field(
        "time_limit",
        each(
            parts(
                (
                    need("type", _day),
                    Field("begin_hour", whole(0, 24)),
                    Field("begin_minute", whole(0, 59)),
                    Field("end_hour", whole(0, 24)),
                    Field("end_minute", whole(0, 59)),
                )
            ),
            most=100,
        ),
    ),
    Field("share_friends", flag),
)

NODES = {
    Kind.MEETING: "meeting_ticket",
    Kind.SCENIC: "scenic_ticket",
    Kind.MOVIE: "movie_ticket",
    Kind.BOARDING: "boarding_pass",
}
"""What the object with a card's own fields is called: its ``card_type`` in lower case."""

DETAILS = {
    Kind.MEETING: (
        need("meeting_detail", text(3072), to_review=True),
        Field("map_url", text(128)),
    ),
    Kind.SCENIC: (
        need("ticket_class", text(3072), is_fixed=True),
        Field("guide_url", text(128)),
    ),
    Kind.MOVIE: (need("detail", text(3072), to_review=True),),
    Kind.BOARDING: (
        need("from", text(54), is_fixed=True),
        need("to", text(54), is_fixed=True),
        need("flight", text(24), is_fixed=True),
        need("departure_time", seconds),
        need("landing_time", seconds),
        need("air_model", text(24), is_fixed=True),
        Field("gate", text(12)),
        Field("boarding_time", seconds),
        Field("check_in_url", text(128)),
    ),
}
"""The fields of each kind beside ``base_info`` and ``advanced_info``."""


def _seats(name: str, given: Any) -> list[str]:
    """One seat as text, or several as a list; each at most 12 bytes."""
    read = text(12)
    listed = given if isinstance(given, list) else [given]
    if len(listed) > 100:
        raise Refused(Errcode.TOO_LONG, f"{name}, at most 100 seats")
    return [seat for seat in (read(name, one).strip() for one in listed) if seat]


_code = text(20, wrong=Errcode.CODE_NOT_FREE)


def code(name: str, given: Any) -> str:
    """A code as gates will read it: white space around it is dropped there too."""
    value = str(_code(name, given)).strip()
    if not value.isprintable() or parse(value) != Credential(value):
        raise Refused(Errcode.CODE_NOT_FREE, f"{name} could not be scanned")
    if value.startswith(DYNAMIC):
        raise Refused(Errcode.CODE_NOT_FREE, f"{name} begins like a dynamic code")
    return value


card_id = text(32, wrong=Errcode.BAD_CARD_ID)
openid = text(64, wrong=Errcode.BAD_OPENID)
_minutes = whole(1, 100_000)

MEETING_UPDATE = (
    Field("begin_time", seconds),
    Field("end_time", seconds),
    Field("zone", text(12)),
    Field("entrance", text(12)),
    Field("seat_number", _seats),
)
MOVIE_UPDATE = (
    need("ticket_class", text(12), Errcode.NO_TICKET_CLASS),
    need("show_time", seconds, Errcode.NO_SHOW_TIME),
    need("duration", _minutes),
    Field("screening_room", text(12)),
    Field("seat_number", _seats),
)
BOARDING_UPDATE = (
    need("etkt_bnr", characters(14)),
    need("class", text(15)),
    Field("passenger_name", text(45)),
    Field("seat", text(12)),
    Field("gate", text(12)),
    Field("boarding_time", seconds),
    Field("qrcode_data", text(3072)),
)
IS_CANCEL = Field("is_cancel", flag)
