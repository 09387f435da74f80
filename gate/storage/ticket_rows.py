"""Ticket types and tickets as a file or the server's API states them, and what they say to a gate.

The same rows everywhere: ``docs/importing.md`` has every field. What is wrong with a row is said
in one line; nothing here knows where the row came from or where it goes.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from gate.core.ticket import UNLIMITED, CodeState, Kind, Status, Ticket, TicketType, WeeklyHours
from gate.credential import code_hash, parse, shape_of
from gate.credential.identities import identities, shared
from gate.credential.pretix_signed import is_pretix_signed
from gate.credential.rotating import (
    DIGITS,
    PATTERN,
    PERIOD_MS,
    BadPattern,
    Pattern,
    Secrets,
    check_pattern,
    read_key,
    seal,
)
from gate.i18n import _
from gate.storage import row_values
from gate.storage.moments import Side
from gate.storage.row_values import BadRow

MAX_TEXT = 3072
"""Longest text of a field, in UTF-8 bytes: the card API's longest."""
_KINDS = {kind.value.partition("_")[0].casefold(): kind for kind in Kind} | {
    kind.value.casefold(): kind for kind in Kind
}

_When = int | str | None
_Count = Annotated[int, Meta(ge=1, le=100_000)]
_Uses = Annotated[int, Meta(ge=1, le=UNLIMITED)]
_MAY_BE_UNLIMITED = ("use_limit", "uses")
_NEVER_KEPT = frozenset({"email"})
"""What a row may state and no device has a use for: it is taken without."""
_Row = TypeVar("_Row", "TypeRow", "TicketRow")
Code = TypeVar("Code", str, bytes)


class TypeRow(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket type as a file states it; see ``docs/importing.md``."""

    id: str
    kind: str
    title: str = ""
    event: str = ""
    time_zone: str = ""
    begin: _When = None
    end: _When = None
    term_days: _Count | None = None
    term_starts_after_days: Annotated[int, Meta(ge=0, le=100_000)] = 0
    weekly: str | tuple[WeeklyHours, ...] = ""
    """As a file has it; where numbers are taken as they are, the hours themselves."""
    locations: str | list[str | int] = ""
    use_limit: _Uses | None = None
    """``None``: what the event states of its tickets."""
    party_size: _Count = 1
    attention: str = ""
    ask: str = ""
    rule: str | dict[str, Any] = ""
    product: str = ""
    variation: str = ""
    occasion_from: _When = None
    occasion_to: _When = None
    occasion_admission: _When = None
    ticket_class: str = ""
    rotating: str = ""
    rotating_period_ms: Annotated[int, Meta(ge=1000, le=3_600_000)] = PERIOD_MS
    rotating_digits: Annotated[int, Meta(ge=6, le=9)] = DIGITS
    flight: str = ""
    origin: str = ""
    destination: str = ""
    departure_time: _When = None
    landing_time: _When = None
    gate: str = ""
    boarding_time: _When = None
    air_model: str = ""


class TicketRow(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket as a file states it; see ``docs/importing.md``."""

    code: str
    type: str
    id: str = ""
    status: Status = Status.NORMAL
    status_note: str = ""
    issued_at: _When = None
    claimed_at: _When = None
    gifted_at: _When = None
    begin_time: _When = None
    end_time: _When = None
    zone: str = ""
    entrance: str = ""
    seats: str | list[str] = ""
    ticket_class: str = ""
    show_time: _When = None
    duration: _Count | None = None
    screening_room: str = ""
    travel_class: str = ""
    checked_in: bool = False
    gate: str = ""
    boarding_time: _When = None
    holder: str = ""
    attention: str = ""
    note: str = ""
    order: str = ""
    answers: str | dict[str, str] = ""
    """To the event's questions, by their ids; in a list like ``meal=soup|size=L``."""
    language: Annotated[str, Meta(max_length=35)] = ""
    uses: _Uses | None = None
    party: _Count | None = None
    issue: Annotated[int, Meta(ge=0, le=100_000)] = 0
    rotating_keys: str | list[str] = ""
    qrcode_data: str = ""
    other_codes: str | list[str] = ""
    old_codes: str | list[str] = ""
    shared_codes: str | list[str] = ""
    """Codes that several tickets have, such as a wristband's."""


_TYPE_TIMES = {
    "begin": Side.BEGIN, "end": Side.END,
    "departure_time": Side.AT, "landing_time": Side.AT, "boarding_time": Side.AT,
    "occasion_from": Side.BEGIN, "occasion_to": Side.END, "occasion_admission": Side.BEGIN,
}  # fmt: skip
_TICKET_TIMES = {
    "issued_at": Side.BEGIN, "claimed_at": Side.BEGIN, "gifted_at": Side.BEGIN,
    "begin_time": Side.BEGIN, "end_time": Side.END, "show_time": Side.AT, "boarding_time": Side.AT,
}  # fmt: skip
_TYPE_FIELDS = tuple(
    # "Once" is kept where it was stated: an event may state another number for who said none.
    (f.name, None if f.name == "use_limit" else f.default)
    for f in fields(TicketType)
)
_DERIVED: dict[str, Any] = {
    "shape": "", "identities": (), "rotating_keys": (), "unseen_as": (),
}  # fmt: skip
"""What is made of a ticket's codes, and stays as it is while these do."""
_TICKET_FIELDS = tuple(
    (f.name, {} if f.name == "answers" else f.default)
    for f in fields(Ticket)
    if f.name not in ("type", "code_state", "voids", "door", "signed", "has_type")
)


class TypeTimes(NamedTuple):
    """What its tickets' times and keys are read and checked by."""

    zone: str
    begin: int | None = None
    end: int | None = None
    rotating: Pattern | None = None
    """How its tickets' codes rotate, if they do."""


class TypeBody(NamedTuple):
    """A ticket type as a replica keeps it."""

    id: str
    times: TypeTimes
    body: str
    notes: tuple[str, ...] = ()
    """What is taken as it stands, but may be meant otherwise."""


class TicketBody(NamedTuple):
    """A ticket as a replica keeps it."""

    id: str
    type_id: str
    body: str
    codes: dict[bytes, CodeState]
    notes: tuple[str, ...] = ()
    """What is taken as it stands, but may be meant otherwise."""
    rotates: Secrets | None = None
    """What makes its texts where its code rotates; the body has it sealed only."""


def times_of(kind: TicketType) -> TypeTimes:
    """What a kept type says of its tickets' times."""
    return TypeTimes(kind.time_zone, kind.begin, kind.end, pattern_of(kind))


def pattern_of(kind: TicketType) -> Pattern | None:
    """How the codes of a type's tickets rotate; ``None`` where they do not."""
    if not kind.rotating:
        return None
    return Pattern(kind.rotating, kind.rotating_period_ms, kind.rotating_digits)


def type_body(row: Mapping[str, Any], time_zone: str, *, is_exact: bool = False) -> TypeBody:
    """A ticket type as it is kept; ``time_zone`` is for types that name none. Raises BadRow.

    ``is_exact`` takes numbers as they are: they were checked before.
    """
    stated = _convert(row, TypeRow)
    values = msgspec.structs.asdict(stated)
    zone = values["time_zone"] = stated.time_zone or time_zone
    _check_id(stated.id)
    _check_zone(zone)
    values["kind"] = _kind(stated.kind)
    notes = row_values.take_times(values, _TYPE_TIMES, zone, is_exact=is_exact)
    if not is_exact:
        row_values.check_order(values, row, "begin", "end")
        row_values.check_order(values, row, "boarding_time", "departure_time")
    values["rule"] = row_values.rule(stated.rule, is_exact=is_exact)
    values["weekly"] = row_values.weekly(stated.weekly, is_exact=is_exact)
    values["locations"] = row_values.texts(stated.locations)
    pattern = None
    if stated.rotating:
        pattern = _pattern(stated)
    times = TypeTimes(zone, values["begin"], values["end"], pattern)
    return TypeBody(stated.id, times, _body(values, _TYPE_FIELDS), notes)


def ticket_body(
    row: Mapping[str, Any],
    type_of: Callable[[str], TypeTimes | None],
    key: bytes,
    *,
    is_exact: bool = False,
) -> TicketBody:
    """A ticket as it is kept. ``type_of`` tells what is known of a type.

    ``is_exact`` takes numbers as they are: they were checked before. Raises BadRow.
    """
    stated = _convert(row, TicketRow)
    of = type_of(stated.type)
    if of is None:
        raise BadRow(_("there is no ticket type {type!r}").format(type=stated.type))
    codes = dict.fromkeys(row_values.texts(stated.old_codes), CodeState.TRANSFERRED)
    for code in (stated.code, stated.qrcode_data, *row_values.texts(stated.other_codes)):
        if code:
            codes[code] = CodeState.LIVE
    hashes = {_hash(key, code): state for code, state in codes.items()}
    values = msgspec.structs.asdict(stated)
    id_ = values["id"] = stated.id or _hash(key, stated.code).hex()
    _check_id(id_)
    notes = row_values.take_times(values, _TICKET_TIMES, of.zone, is_exact=is_exact)
    if not is_exact:
        _check_window(values, row, of)
    values["seats"] = row_values.texts(stated.seats)
    values["answers"] = row_values.answers(stated.answers)
    parsed = {parse(code).code: state for code, state in codes.items()}
    values["shape"] = shape_of(parsed)
    live = [code for code, state in parsed.items() if state is CodeState.LIVE]
    known_by = [*identities(live), *map(_shared, row_values.texts(stated.shared_codes))]
    values["identities"] = tuple(code_hash(key, one).hex() for one in known_by)
    unnamed = (code_hash(key, one).hex() for one in live if is_pretix_signed(one))
    values["unseen_as"] = tuple(one for one in unnamed if one != id_)
    rotates = _rotates(stated, of)
    values["rotating_keys"] = _sealed(rotates, key)
    body = _body(values, _TICKET_FIELDS, type_id=stated.type)
    return TicketBody(id_, stated.type, body, hashes, notes, rotates)


def changed_body(
    body: str, changes: Mapping[str, Any], type_of: Callable[[str], TypeTimes | None]
) -> str:
    """A kept ticket with some fields stated anew; ``None`` and empty text take a field away.

    Raises BadRow.
    """
    allowed = {name for name, _default in _TICKET_FIELDS} - {"id", *_DERIVED}
    for name in changes.keys() - _NEVER_KEPT:
        if name not in allowed:
            raise BadRow(_("{name}: there is no such field").format(name=name))
    kept: dict[str, Any] = msgspec.json.decode(body)
    for name in ("voids", "door", "signed"):
        kept.pop(name, None)
    # Stated as a row, so that a change is checked by the rules of a row.
    row = {name: value for name, value in {**kept, **changes}.items() if value not in (None, "")}
    type_id = row.pop("type_id")
    derived = {name: row.pop(name) for name in _DERIVED if name in row}
    stated = _convert({**row, "code": "-", "type": type_id}, TicketRow)
    of = type_of(type_id) or TypeTimes("UTC")
    values = msgspec.structs.asdict(stated)
    anew = {name: side for name, side in _TICKET_TIMES.items() if name in changes}
    row_values.take_times(values, anew, of.zone)
    if anew:
        _check_window(values, row, of)
    values["seats"] = row_values.texts(stated.seats)
    values["answers"] = row_values.answers(stated.answers)
    return _body({**values, **_DERIVED, **derived}, _TICKET_FIELDS, type_id=type_id)


def with_issue(before: str | None, body: str, *, lost_a_code: bool) -> str:
    """A ticket stated anew, with the number of the code that it has by now.

    Whoever gives a ticket another code in the place of one ends what was signed for it as well.
    """
    if before is None or not (lost_a_code or '"issue"' in before):
        return body
    had, kept = msgspec.json.decode(before).get("issue", 0), msgspec.json.decode(body)
    issue = max(kept.pop("issue", 0), had + lost_a_code)
    type_id = kept.pop("type_id")
    return _body({**dict(_TICKET_FIELDS), **kept, "issue": issue}, _TICKET_FIELDS, type_id=type_id)


def lost_a_code(had: Mapping[Code, str], codes: Mapping[Code, str]) -> bool:
    """Whether a code of a ticket opens no gate any more, by its codes and their states."""
    return any(
        state == CodeState.LIVE and codes.get(hashed) != CodeState.LIVE
        for hashed, state in had.items()
    )


_IMPERSONAL = (
    "id", "type_id", "status", "begin_time", "end_time", "zone", "entrance", "uses", "party",
    "shape", "voids", "issue",
)  # fmt: skip
"""What counts, conflicts and reports are made of; a field that is added is personal until named."""


def bare_body(body: str) -> str:
    """A kept ticket without whatever may tell of a person; what is bare already stays as it is."""
    kept: dict[str, Any] = msgspec.json.decode(body)
    return msgspec.json.encode({name: kept[name] for name in _IMPERSONAL if name in kept}).decode()


def _pattern(stated: TypeRow) -> Pattern:
    try:
        check_pattern(stated.rotating)
    except BadPattern as bad:
        raise BadRow(
            _("rotating: {found!r} is not like {example!r}").format(
                found=stated.rotating[:200], example=PATTERN
            )
        ) from bad
    return Pattern(stated.rotating, stated.rotating_period_ms, stated.rotating_digits)


def rotating_keys(stated: str | list[str]) -> list[bytes]:
    """The keys of a rotating code as a row states them. Raises BadRow."""
    try:
        return [read_key(one) for one in row_values.texts(stated)]
    except ValueError as error:
        message = _(
            "rotating_keys: 10 to 64 bytes each, in hex or as base32:…, several with | between"
        )
        raise BadRow(message) from error


def _rotates(stated: TicketRow, of: TypeTimes) -> Secrets | None:
    keys = rotating_keys(stated.rotating_keys)
    wanted = of.rotating.values if of.rotating is not None else 0
    if keys and len(keys) != wanted:
        raise BadRow(
            _("rotating_keys: found {found}; its type wants {wanted}").format(
                found=len(keys), wanted=wanted
            )
        )
    return Secrets(parse(stated.code).code, tuple(keys)) if keys else None


def _sealed(rotates: Secrets | None, key: bytes) -> tuple[str, ...]:
    if rotates is None:
        return ()
    return tuple(seal(key, rotates.code, one) for one in rotates.keys)


def _shared(code: str) -> str:
    credential = parse(code)
    if credential.problem is not None:
        raise BadRow(_("a code is empty, too long or not text"))
    return shared(credential.code)


def _hash(key: bytes, code: str) -> bytes:
    credential = parse(code)
    if credential.problem is not None:
        raise BadRow(_("a code is empty, too long or not text"))
    return code_hash(key, credential.code)


def _convert(row: Mapping[str, Any], kind: type[_Row]) -> _Row:
    for name, value in row.items():
        longest = name != "rule" and isinstance(value, str)
        if longest and len(value.encode("utf-8", "replace")) > MAX_TEXT:
            raise BadRow(_("{name} is longer than {limit} bytes").format(name=name, limit=MAX_TEXT))
    try:
        stated = {name: value for name, value in row.items() if name not in _NEVER_KEPT}
        stated |= {name: UNLIMITED for name in _MAY_BE_UNLIMITED if _is_unlimited(row.get(name))}
        return msgspec.convert(stated, kind, strict=False)
    except msgspec.ValidationError as error:
        complaint, _at, path = str(error).replace("`", "").partition(" - at $.")
        raise BadRow(f"{path}: {complaint}" if path else complaint) from error


def _body(values: dict[str, Any], known: tuple[tuple[str, Any], ...], **more: Any) -> str:
    kept = {name: values[name] for name, default in known if values[name] != default}
    return msgspec.json.encode({**kept, **more}).decode()


def _check_id(id_: str) -> None:
    if not id_ or not id_.isprintable() or len(id_) > 128:
        raise BadRow(_("id must be 1 to 128 printable characters"))


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise BadRow(_("{found!r} is no time zone").format(found=name)) from error


def _kind(name: str) -> Kind:
    kind = _KINDS.get(name.strip().casefold())
    if kind is None:
        raise BadRow(
            _("kind {found!r} is none of {allowed}").format(
                found=name, allowed=", ".join(kind.value for kind in Kind)
            )
        )
    return kind


def _is_unlimited(stated: object) -> bool:
    return isinstance(stated, str) and stated.strip().casefold() == "unlimited"


def _check_window(values: Mapping[str, Any], row: Mapping[str, Any], of: TypeTimes) -> None:
    """A ticket that could never be good is a mistake."""
    row_values.check_order(values, row, "begin_time", "end_time")
    begin, end = values["begin_time"], values["end_time"]
    if begin is not None and of.end is not None and begin > of.end:
        message = _("begin_time {found} is after the end of its type")
        raise BadRow(message.format(found=row.get("begin_time")))
    if end is not None and of.begin is not None and end < of.begin:
        message = _("end_time {found} is before the begin of its type")
        raise BadRow(message.format(found=row.get("end_time")))
