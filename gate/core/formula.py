"""The rule language of check-in lists: JSON logic over what a ticket is, what it did, and when.

It is the language in which pretix's organisers write their check-in rules, all of it and nothing
beside it: ``{"and": [{"<": [{"var": "entries_number"}, 3]}, …]}``. What is asked here was read by
``formula_syntax``, so every part of it is of the language, and there always is an answer.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gate.core.local_time import moment_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Node = Any
"""A part of a rule as JSON has it: an operator with its arguments, or a value."""
Value = int | float | str | tuple[str, str] | list[Any] | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may ask about."""

    now_ms: int
    zone: ZoneInfo
    """In which days begin and a time of day is meant."""
    gate: str = ""
    gate_id: str = ""
    """What rules call this gate, where that is not its name."""
    product: str = ""
    variation: str = ""
    begins: int | None = None
    ends: int | None = None
    admission: int | None = None
    """When the occasion begins and ends, and from when on it is open; Unix seconds."""
    admitted_ms: tuple[int, ...] = ()
    """When each person went in, the first first."""
    is_present: bool = False
    """Whether going in was the last that happened."""
    clock_trusted: bool = True
    """Where not, whatever depends on what time it is counts as met: it refuses nobody."""

    def days(self, moments: tuple[int, ...]) -> int:
        """On how many days of the zone they are."""
        return len({moment_of(at_ms // 1000, self.zone).day for at_ms in moments})

    def since(self, from_ms: float) -> tuple[int, ...]:
        """When people went in from then on."""
        return tuple(at_ms for at_ms in self.admitted_ms if at_ms >= from_ms)

    def before(self, until_ms: float) -> tuple[int, ...]:
        """When people went in before then."""
        return tuple(at_ms for at_ms in self.admitted_ms if at_ms < until_ms)

    def today_at(self, at: time) -> float:
        """When the clocks show that today."""
        now = (_EPOCH + self.now_ms * _MS).astimezone(self.zone)
        day = now.replace(
            hour=at.hour, minute=at.minute, second=at.second, microsecond=at.microsecond
        )
        return _ms_of(day)

    def minutes_since(self, which: int) -> float:
        """Whole minutes since the first (0) or last (-1) went in; -1 where nobody did."""
        return float((self.now_ms - self.admitted_ms[which]) // 60_000) if self.admitted_ms else -1


def meets(node: Node, facts: Facts) -> bool:
    """Whether a parsed rule, or a part of it, is met."""
    if not isinstance(node, dict):
        return bool(node)
    word, arguments = split(node)
    if word in JOINS:
        return JOINS[word](meets(one, facts) for one in arguments)
    if not facts.clock_trusted and reads_clock(node):
        return True
    return COMPARISONS[word](*(value_of(one, facts) for one in arguments))


def reads_clock(node: Node) -> bool:
    """Whether a part of a rule depends on what time it is."""
    if isinstance(node, list):
        return any(map(reads_clock, node))
    if not isinstance(node, dict) or not node:
        return False
    word, arguments = split(node)
    timely = word == "var" and arguments[0] in _TIMELY
    return (
        timely or (word, arguments[:1]) == ("buildTime", ["customtime"]) or reads_clock(arguments)
    )


def is_same(one: str, other: str) -> bool:
    """Whether two names are the same but for case and white space."""
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def split(node: Node) -> tuple[str, list[Node]]:
    """The operator of a part of a rule, and its arguments: one may stand without a list."""
    ((word, arguments),) = node.items()
    return word, arguments if isinstance(arguments, list) else [arguments]


def _key(text: str) -> Value:
    """An id as rules compare it: a number where it is one, nothing where there is none."""
    return int(text) if text.isascii() and text.isdecimal() else text or None


def _ms_of(moment: datetime) -> float:
    return (moment - _EPOCH) / _MS


# How values are compared is JSON logic's: texts with texts, else numbers where one is a number.


def _equal(one: Value, other: Value) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return str(one) == str(other)
    return one == other


def _less(one: Value, other: Value, *more: Value) -> bool:
    a: Any = one
    b: Any = other
    if isinstance(one, int | float) or isinstance(other, int | float):
        try:
            a, b = float(a), float(b)
        except (TypeError, ValueError):
            return False
    elif not (isinstance(a, str) and isinstance(b, str)):
        return False
    return bool(a < b) and (not more or _less(b, *more))


def _at_most(one: Value, other: Value, *more: Value) -> bool:
    is_fine = _less(one, other) or _equal(one, other)
    return is_fine and (not more or _at_most(other, *more))


def _is_before(one: float | None, other: float | None, tolerance: Value = None) -> bool:
    if one is None or other is None:
        return False
    minutes = float(tolerance) if isinstance(tolerance, int | float | str) and tolerance else 0
    return one < other + minutes * 60_000


JOINS: Mapping[str, Callable[[Any], bool]] = {"and": all, "or": any}
COMPARISONS: Mapping[str, Callable[..., bool]] = {
    "==": _equal,
    "!=": lambda one, other: not _equal(one, other),
    "<": _less,
    "<=": _at_most,
    ">": lambda one, other: _less(other, one),
    ">=": lambda one, other: _less(other, one) or _equal(one, other),
    "inList": lambda one, among: one in among,
    "isBefore": _is_before,
    "isAfter": lambda one, other, tolerance=None: _is_before(other, one, tolerance),
}
COUNTS: Mapping[str, Callable[[Facts, float], int]] = {
    "entries_since": lambda facts, at_ms: len(facts.since(at_ms)),
    "entries_before": lambda facts, at_ms: len(facts.before(at_ms)),
    "entries_days_since": lambda facts, at_ms: facts.days(facts.since(at_ms)),
    "entries_days_before": lambda facts, at_ms: facts.days(facts.before(at_ms)),
}
VARIABLES: Mapping[str, Callable[[Facts], Value]] = {
    "product": lambda facts: _key(facts.product),
    "variation": lambda facts: _key(facts.variation),
    "gate": lambda facts: facts.gate or None,
    "now": operator.attrgetter("now_ms"),
    "now_isoweekday": lambda facts: (
        (_EPOCH + facts.now_ms * _MS).astimezone(facts.zone).isoweekday()
    ),
    "entries_number": lambda facts: len(facts.admitted_ms),
    "entries_today": lambda facts: len(facts.since(facts.today_at(time()))),
    "entries_days": lambda facts: facts.days(facts.admitted_ms),
    "minutes_since_first_entry": lambda facts: facts.minutes_since(0),
    "minutes_since_last_entry": lambda facts: facts.minutes_since(-1),
    "entry_status": lambda facts: "present" if facts.is_present else "absent",
}
_TIMELY = frozenset(
    {"now", "now_isoweekday", "entries_today", "minutes_since_first_entry",
     "minutes_since_last_entry"}
)  # fmt: skip


def value_of(node: Node, facts: Facts) -> Value:
    """What is compared: a value as it stands, or what it is worked out to be."""
    if not isinstance(node, dict):
        return node  # type: ignore[no-any-return]
    word, arguments = split(node)
    if word == "var":
        return VARIABLES[arguments[0]](facts)
    if word == "buildTime":
        return moment_in(facts, *arguments)
    if word in COUNTS:
        at_ms = moment_in(facts, *split(arguments[0])[1])
        return 0 if at_ms is None else COUNTS[word](facts, at_ms)
    if word == "lookup":
        return _looked_up(facts, *map(str, arguments))
    return [value_of(one, facts) for one in arguments]


def moment_in(facts: Facts, kind: str, stated: str = "", *_more: str) -> float | None:
    """Unix milliseconds; ``None`` where the ticket is for no occasion that has such a time."""
    if kind == "custom":
        moment = datetime.fromisoformat(stated)
        return _ms_of(moment if moment.tzinfo else moment.replace(tzinfo=facts.zone))
    if kind == "customtime":
        return facts.today_at(time.fromisoformat(stated))
    own = {"date_from": None, "date_to": facts.ends, "date_admission": facts.admission}[kind]
    seconds = facts.begins if own is None else own
    return None if seconds is None else seconds * 1000.0


def _looked_up(facts: Facts, model: str, id_: str, name: str = "") -> Value:
    """What a variable has to be for it to be meant: gates have names here, and ids where stated."""
    if model != "gate":
        return _key(id_)
    names = (id_, name) if facts.gate_id else (name or id_,)
    here = facts.gate_id or facts.gate
    return facts.gate if here and any(is_same(here, one) for one in names) else (model, id_)
