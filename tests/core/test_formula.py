"""The rule language: each line of the table is a rule, what is so, and what it comes to."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core import formula, formula_syntax
from gate.core.formula import Facts, meets
from gate.core.formula_syntax import MOST_BYTES, BadFormulaError, UnknownWordError, parse
from gate.core.unmet_terms import nearest

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 28, 12, tzinfo=BERLIN)
"""A Saturday."""


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def ago(**span: float) -> int:
    return ms(NOON - timedelta(**span))


FACTS = Facts(
    now_ms=ms(NOON),
    zone=BERLIN,
    gate="North",
    product="7",
    variation="3",
    begins=ms(NOON + timedelta(hours=2)) // 1000,
    ends=ms(NOON + timedelta(hours=8)) // 1000,
)
BEEN = replace(FACTS, admitted_ms=(ago(days=2), ago(days=1), ago(minutes=90)), is_present=True)
NOW = {"var": "now"}


def var(name: str) -> dict[str, Any]:
    return {"var": name}


def at(*words: str) -> dict[str, Any]:
    return {"buildTime": list(words)}


def among(name: str, *ids: str) -> dict[str, Any]:
    looked_up = [{"lookup": [name, id_, f"{name} {id_}"]} for id_ in ids]
    return {"inList": [var(name), {"objectList": looked_up}]}


NORTH = {"inList": [var("gate"), {"objectList": [{"lookup": ["gate", "5", "North"]}]}]}
# fmt: off
BOOK: list[tuple[str, dict[str, Any], Facts, bool]] = [
    ("no rule lets in", {}, FACTS, True),
    ("no term lets in", {"and": []}, FACTS, True),
    ("no choice is no rule either", {"or": []}, FACTS, True),
    ("but a choice of nothing within one is never met", {"and": [{"or": []}]}, FACTS, False),
    ("all have to be met", {"and": [{"<": [1, 2]}, {"<": [2, 1]}]}, FACTS, False),
    ("one is enough", {"or": [{"<": [1, 2]}, {"<": [2, 1]}]}, FACTS, True),
    ("a product in the list", among("product", "6", "7"), FACTS, True),
    ("and one that is not", among("product", "6"), FACTS, False),
    ("an empty list takes nothing", among("product"), FACTS, False),
    ("a list as JSON has it", {"inList": [var("product"), [6, 7]]}, FACTS, True),
    ("in which numbers are no texts", {"inList": [var("product"), ["7"]]}, FACTS, False),
    ("a type's id that is no number", {"inList": [var("product"), ["VIP"]]}, replace(FACTS, product="VIP"), True),
    ("a variation", among("variation", "3"), FACTS, True),
    ("no variation is in no list", among("variation", "3"), replace(FACTS, variation=""), False),
    ("a gate by its name", NORTH, FACTS, True),
    ("in any case and spacing", NORTH, replace(FACTS, gate=" north"), True),
    ("another gate", NORTH, replace(FACTS, gate="South"), False),
    ("a gate without a name", NORTH, replace(FACTS, gate=""), False),
    ("a gate whose name is another's number", NORTH, replace(FACTS, gate="5"), False),
    ("a gate that was told its number", NORTH, replace(FACTS, gate="Left", gate_id="5"), True),
    ("or the name it has there", NORTH, replace(FACTS, gate="Left", gate_id="north"), True),
    ("or those of another", NORTH, replace(FACTS, gate="North", gate_id="6"), False),
    ("a gate without a number", {"==": [var("gate"), {"lookup": ["gate", "North"]}]}, FACTS, True),
    ("any gate but one", {"!=": [var("gate"), {"lookup": ["gate", "5", "North"]}]}, FACTS, False),
    ("nobody has been in", {"==": [var("entries_number"), 0]}, FACTS, True),
    ("three times in", {">=": [var("entries_number"), 3]}, BEEN, True),
    ("and no fourth", {"<": [var("entries_number"), 3]}, BEEN, False),
    ("once today", {"==": [var("entries_today"), 1]}, BEEN, True),
    ("on three days", {"==": [var("entries_days"), 3]}, BEEN, True),
    ("twice on one day are one", {"==": [var("entries_days"), 1]}, replace(FACTS, admitted_ms=(ago(hours=2), ago(hours=1))), True),
    ("a day begins by the clock of the zone", {"==": [var("entries_today"), 1]}, replace(FACTS, admitted_ms=(ms(NOON.replace(hour=0)) - 1, ms(NOON.replace(hour=0)))), True),
    ("not three times", {">=": [var("entries_number"), 3]}, FACTS, False),
    ("more than twice", {">": [var("entries_number"), 2]}, BEEN, True),
    ("more than three times", {">": [var("entries_number"), 3]}, BEEN, False),
    ("not exactly twice", {"==": [var("entries_number"), 2]}, BEEN, False),
    ("other than twice", {"!=": [var("entries_number"), 2]}, BEEN, True),
    ("at most twice", {"<=": [var("entries_number"), 2]}, BEEN, False),
    ("present", {"==": [var("entry_status"), "present"]}, BEEN, True),
    ("absent", {"==": [var("entry_status"), "absent"]}, FACTS, True),
    ("minutes since the last", {">=": [var("minutes_since_last_entry"), 90]}, BEEN, True),
    ("are whole ones", {">": [var("minutes_since_last_entry"), 90]}, replace(BEEN, now_ms=ms(NOON) + 59_999), False),
    ("minutes since the first", {"==": [var("minutes_since_first_entry"), 2 * 1440]}, BEEN, True),
    ("none is -1", {"==": [var("minutes_since_last_entry"), -1]}, FACTS, True),
    ("and is less than any", {"<": [var("minutes_since_first_entry"), 0]}, FACTS, True),
    ("a Saturday", {"==": [var("now_isoweekday"), 6]}, FACTS, True),
    ("by the clock of the zone", {"==": [var("now_isoweekday"), 7]}, replace(FACTS, zone=ZoneInfo("Pacific/Auckland")), True),
    ("after a moment", {"isAfter": [NOW, at("custom", "2026-11-28T10:59:59Z")]}, FACTS, True),
    ("not after the same moment", {"isAfter": [NOW, at("custom", "2026-11-28T11:00:00Z")]}, FACTS, False),
    ("nor before it", {"isBefore": [NOW, at("custom", "2026-11-28T11:00:00Z")]}, FACTS, False),
    ("but with a minute's grace", {"isBefore": [NOW, at("custom", "2026-11-28T11:00:00Z"), 1]}, FACTS, True),
    ("either way", {"isAfter": [NOW, at("custom", "2026-11-28T11:00:00Z"), "0.5"]}, FACTS, True),
    ("no grace is none", {"isAfter": [NOW, at("custom", "2026-11-28T11:00:00Z"), None]}, FACTS, False),
    ("a moment without a zone is one of the event's", {"isAfter": [NOW, at("custom", "2026-11-28T11:59")]}, FACTS, True),
    ("a time of day", {"isAfter": [NOW, at("customtime", "11:59:59")]}, FACTS, True),
    ("and one that is to come", {"isAfter": [NOW, at("customtime", "12:30")]}, FACTS, False),
    ("before it begins", {"isBefore": [NOW, at("date_from")]}, FACTS, True),
    ("two hours before it begins", {"isAfter": [NOW, at("date_from"), 121]}, FACTS, True),
    ("before it ends", {"isBefore": [NOW, at("date_to")]}, FACTS, True),
    ("what has no end ends as it begins", {"isBefore": [NOW, at("date_to"), -120]}, replace(FACTS, ends=None), False),
    ("admission", {"isAfter": [NOW, at("date_admission")]}, replace(FACTS, admission=ms(NOON) // 1000 - 1), True),
    ("falls back to the beginning", {"isAfter": [NOW, at("date_admission")]}, FACTS, False),
    ("no occasion is neither before", {"isBefore": [NOW, at("date_from")]}, replace(FACTS, begins=None, ends=None), False),
    ("nor after", {"isAfter": [NOW, at("date_to")]}, replace(FACTS, begins=None, ends=None), False),
    ("entries since a time of day", {"==": [{"entries_since": [at("customtime", "10:30")]}, 1]}, BEEN, True),
    ("entries before it", {"==": [{"entries_before": [at("customtime", "10:30")]}, 2]}, BEEN, True),
    ("days since a day", {"==": [{"entries_days_since": [at("custom", "2026-11-27")]}, 2]}, BEEN, True),
    ("days before it", {"==": [{"entries_days_before": at("custom", "2026-11-27")}, 1]}, BEEN, True),
    ("texts that are numbers are compared as these", {"<": [var("entries_number"), "10"]}, BEEN, True),
    ("what is no number is less than none", {"<": [var("entry_status"), 10]}, BEEN, False),
    ("nor is it more", {">": [var("entry_status"), 10]}, BEEN, False),
    ("nothing is less than nothing", {"<": [var("variation"), var("variation")]}, replace(FACTS, variation=""), False),
    ("between", {"<": [1, var("entries_number"), 4]}, BEEN, True),
    ("but not the ends", {"<": [1, var("entries_number"), 3]}, BEEN, False),
    ("unless they are meant", {"<=": [3, var("entries_number"), 3]}, BEEN, True),
    ("what is so anyway", {"and": [True, {"or": [False, {"<": [1, 2]}]}]}, FACTS, True),
]
# fmt: on


def met(rule: dict[str, Any], facts: Facts) -> bool:
    node = parse(json.dumps(rule))
    return not node or meets(node, facts)


@pytest.mark.parametrize(
    ("rule", "facts", "is_met"), [line[1:] for line in BOOK], ids=[line[0] for line in BOOK]
)
def test_the_book(rule: dict[str, Any], facts: Facts, is_met: bool) -> None:
    """Every line of it holds, and what is not met has a term that says so."""
    assert met(rule, facts) is is_met
    node = parse(json.dumps(rule))
    assert bool(node and nearest(node, facts)) is not is_met


@pytest.mark.parametrize("word", formula.COMPARISONS)
def test_the_book_notices_a_comparison_that_is_wrong(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: a comparison that says the same always is seen by some line."""
    for says in (True, False):
        monkeypatch.setitem(vars(formula)["COMPARISONS"], word, lambda *_a, _s=says: _s)
        assert any(met(rule, facts) is not is_met for _name, rule, facts, is_met in BOOK)


@pytest.mark.parametrize("name", [*formula.VARIABLES, *formula.COUNTS])
def test_the_book_notices_a_variable_that_is_wrong(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: a variable that is always the same is seen by some line."""
    table = "VARIABLES" if name in formula.VARIABLES else "COUNTS"
    monkeypatch.setitem(vars(formula)[table], name, lambda *_facts: 987_654)
    assert any(met(rule, facts) is not is_met for _name, rule, facts, is_met in BOOK)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"xor": [1, 2]}', "xor"),
        ('{"and": [{"<": [{"var": "mood"}, 3]}]}', "mood"),
        ('{"!": [{"<": [1, 2]}]}', "!"),
        ('{"==": [{"and": []}, 1]}', "and"),
        ('{"isAfter": [{"var": "now"}, {"buildTime": ["doors"]}]}', "doors"),
        ('{"inList": [1, {"merge": []}]}', "merge"),
        ('{"isAfter": [{"lookup": ["a", "b", "c"]}, {"var": "now"}]}', "lookup"),
    ],
)
def test_a_word_that_is_not_of_the_language_is_named(text: str, word: str) -> None:
    """It is never taken for met, and never for not met."""
    with pytest.raises(UnknownWordError) as found:
        parse(text)
    assert found.value.args[0] == word


@pytest.mark.parametrize(
    "text",
    [
        "", "no rule", "[]", "3", "true", '"text"', '{"and": 3}', '{"and": [3]}', '{"<": [1]}',
        '{"<": [1, 2], ">": [1, 2]}', '{"<": [{"var": "now"}, 3]}', '{"<": [true, 3]}',
        '{"isBefore": [{"var": "now"}, 3]}', '{"isBefore": [{"var": "gate"}, {"var": "now"}]}',
        '{"isAfter": [{"var": "now"}, {"buildTime": ["custom"]}]}',
        '{"isAfter": [{"var": "now"}, {"buildTime": ["custom", "soon"]}]}',
        '{"isAfter": [{"var": "now"}, {"buildTime": ["customtime", "25:00"]}]}',
        '{"isAfter": [{"var": "now"}, {"buildTime": ["customtime", 3]}]}',
        '{"isAfter": [{"var": "now"}, {"buildTime": [[]]}]}',
        '{"isAfter": [{"var": "now"}, {"var": "now"}, "a while"]}',
        '{"<": [{"entries_since": [3]}, 3]}', '{"<": [{"entries_since": []}, 3]}',
        '{"<": [{"entries_since": [{"var": "now"}]}, 3]}', '{"<": [{"var": []}, 3]}',
        '{"<": [{"lookup": ["gate"]}, 3]}', '{"inList": [1, 2]}', '{"inList": [1, [{"var": "gate"}]]}',
        '{"==": [{"var": ["gate", 3]}, 3]}', '{"":""}', '{"and": [{}]}', "\ud800", '{"<": [NaN, 3]}', '{"<": [1e99, 3]}', '{"isAfter": [{"var": "now"}, {"var": "now"}, "inf"]}',
        "[" * 5000, '{"and": [' * 40 + "true" + "]}" * 40, '{"and": [' + "true," * MOST_BYTES,
    ],
)  # fmt: skip
def test_what_is_no_rule_is_said_to_be_none(text: str) -> None:
    """In a few characters, and by no other error."""
    with pytest.raises(BadFormulaError) as found:
        parse(text)
    assert len(str(found.value.args[0])) <= 40


def test_the_clock_refuses_nobody_while_it_is_not_trusted() -> None:
    """What it is asked about counts as met; whatever else is in the way still is."""
    early = {"isAfter": [NOW, at("date_from")]}
    doubted = replace(FACTS, clock_trusted=False)
    for rule in (
        early,
        {"==": [var("now_isoweekday"), 1]},
        {">": [var("entries_today"), 5]},
        {">": [var("minutes_since_last_entry"), 5]},
        {"<": [5, {"entries_since": [at("customtime", "11:00")]}]},
    ):
        assert not met(rule, FACTS)
        assert met(rule, doubted)
        assert formula.reads_clock(parse(json.dumps(rule)))
        elsewhere = {"and": [rule, among("gate", "9")]}
        assert not met(elsewhere, doubted)
        terms = nearest(parse(json.dumps(elsewhere)), doubted)
        assert [term.variable for term in terms] == ["gate"]
    assert not formula.reads_clock(parse(json.dumps(among("gate", "9"))))
    # What was counted before has been counted by clocks of then.
    assert not met({"<": [5, {"entries_before": [at("custom", "2026-11-28")]}]}, doubted)


@pytest.mark.parametrize(
    ("rule", "facts", "variables"),
    [
        ({"and": [among("product", "9"), {"<": [var("entries_number"), 2]}]}, BEEN, ["product", "entries_number"]),
        ({"or": [among("product", "9"), {"<": [var("entries_number"), 2]}]}, BEEN, ["entries_number"]),
        ({"or": [among("product", "9"), {"isBefore": [NOW, at("customtime", "11:00")]}]}, BEEN, ["now"]),
        ({"or": [NORTH, among("product", "9")]}, replace(BEEN, gate="South"), ["gate"]),
        ({"or": [{"and": [{"isAfter": [NOW, at("date_from")]}, among("product", "7")]},
                 {"and": [{"isAfter": [NOW, at("customtime", "12:30")]}, among("product", "9")]}]}, BEEN, ["now"]),
        ({"or": [{"==": [var("minutes_since_last_entry"), -1]}, {">": [var("minutes_since_last_entry"), 600]}]},
         BEEN, ["minutes_since_last_entry"]),
        ({"<": [9, var("entries_number")]}, BEEN, [""]),
    ],
)  # fmt: skip
def test_the_nearest_way_in_is_told(
    rule: dict[str, Any], facts: Facts, variables: list[str]
) -> None:
    """What a guest can do something about before what nobody changes at the door."""
    terms = nearest(parse(json.dumps(rule)), facts)
    assert [term.variable for term in terms] == variables
    if variables == ["minutes_since_last_entry"]:
        assert terms[0].wanted == 600


def test_of_two_times_the_nearer_is_told() -> None:
    """With its tolerance, as the moment from which on, or until which, it would be met."""
    hours = [{"isAfter": [NOW, at("customtime", one), 10]} for one in ("18:00", "13:00", "20:00")]
    (term,) = nearest(parse(json.dumps({"or": hours})), FACTS)
    assert term.wanted == ms(NOON + timedelta(minutes=50))
    (term,) = nearest({"isBefore": [NOW, at("customtime", "09:00"), 30]}, FACTS)
    assert term.wanted == ms(NOON - timedelta(hours=2, minutes=30))


_numbers = st.integers(0, 4)
_times = st.sampled_from(
    [at("date_from"), at("date_to"), at("date_admission"), at("customtime", "11:00"),
     at("custom", "2026-11-27T10:00:00Z")]
)  # fmt: skip
_terms = st.one_of(
    st.builds(
        lambda word, name, n: {word: [var(name), n]},
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        st.sampled_from(["entries_number", "entries_today", "entries_days", "now_isoweekday"]),
        _numbers,
    ),
    st.builds(
        lambda word, t, n: {word: [NOW, t, n]},
        st.sampled_from(["isBefore", "isAfter"]),
        _times,
        _numbers,
    ),
    st.builds(lambda ids: among("product", *ids), st.lists(st.sampled_from("678"))),
    st.booleans(),
)
_rules = st.recursive(
    _terms,
    lambda inner: st.builds(
        lambda word, ones: {word: ones}, st.sampled_from(["and", "or"]), st.lists(inner, max_size=4)
    ),
).filter(lambda rule: isinstance(rule, dict))
_past = st.lists(st.integers(0, 5 * 1440)).map(
    lambda minutes: tuple(sorted(ago(minutes=one) for one in minutes))
)


@given(_rules, _past)
def test_every_rule_says_either_that_it_is_met_or_what_is_in_the_way(
    rule: dict[str, Any], past: tuple[int, ...]
) -> None:
    """Also that what is told to be in the way is not met, and that doubt never refuses more."""
    node = parse(json.dumps(rule))
    facts = replace(FACTS, admitted_ms=past)
    if not node:
        return
    is_met = meets(node, facts)
    assert (nearest(node, facts) == ()) is is_met
    assert meets(node, replace(facts, clock_trusted=False)) or not is_met
    assert parse(json.dumps(node)) == node


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["and", "or", "<", "==", "inList", "var", "isAfter", "buildTime",
                         "objectList", "lookup", "entries_since", "x"]),
        inner, max_size=2,
    ),
))  # fmt: skip
def test_any_json_is_a_rule_that_can_be_asked_or_none(stated: Any) -> None:
    """No third thing: what was read never fails when it is asked."""
    try:
        node = parse(json.dumps(stated))
    except BadFormulaError:
        return
    assert not node or isinstance(meets(node, BEEN), bool)
    assert not node or isinstance(nearest(node, BEEN), tuple)


def test_a_mutant_that_takes_unknown_words_for_met_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mutation: were an unknown comparison let pass, asking it would fail."""
    monkeypatch.setattr(formula_syntax, "_check_condition", lambda _node, _depth: None)
    formula_syntax.parse.cache_clear()
    node = parse('{"xor": [1, 2]}')
    with pytest.raises(KeyError):
        meets(node, FACTS)
    formula_syntax.parse.cache_clear()


def test_times_of_day_are_the_zones_also_where_it_changes_its_clocks() -> None:
    """On the day of the change, too."""
    changed = datetime(2026, 3, 29, 6, tzinfo=UTC)
    facts = replace(FACTS, now_ms=ms(changed))
    assert met({"isAfter": [NOW, at("customtime", "07:59:59")]}, facts)
    assert not met({"isAfter": [NOW, at("customtime", "08:00")]}, facts)
