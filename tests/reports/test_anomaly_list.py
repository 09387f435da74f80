"""What is unlike an honest evening, from the lanes' own entries to the words."""

import json
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gate.cli.main import main
from gate.config import Config, load
from gate.core.anomalies.anomaly import Anomaly, Kind, Severity, Sold
from gate.core.entry import Act, Entry
from gate.core.outcome import Flag, Reason
from gate.core.verdict import Scan
from gate.credential.neighbours import neighbours
from gate.lane.lane import Lane
from gate.reports import anomaly_list, fleet_report
from gate.reports.anomaly_list import AnomalyList
from gate.storage.anomalies import SoldTickets
from gate.storage.connectivity import NOBODY_HEARD
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.tickets import Tickets
from gate.text import anomaly_words
from gate.text.anomaly_words import REMEDIES, TITLES, AnomalyView, views
from tests.conftest import MakeLane
from tests.support.venue import NOW_MS, FixedClock, fill
from tests.system.neighbours import carry, neighbour

CODES = [f"A{n:05}-K" for n in range(0, 900, 10)]


@pytest.fixture
def numbered(folder: Folder, make_lane: MakeLane) -> Lane:
    """A lane of an event whose codes are counted through, by tens."""
    rows = [{"code": code, "type": "SHOW", "id": f"n{code}"} for code in CODES]
    fill(folder, [*rows, {"code": "N0-NUMBER", "type": "SHOW", "id": "word"}])
    return make_lane(folder=folder)


def newest(folder: Folder) -> Entry:
    """The last entry of a folder's journal."""
    with_entries = JournalReader(folder.journal)
    try:
        return with_entries.newest(1)[0]
    finally:
        with_entries.close()


def look(folder: Folder, config: Config | None = None) -> list[AnomalyView]:
    """What is found of a folder by a first look."""
    return AnomalyList(folder, config or Config()).look(NOBODY_HEARD, NOW_MS)


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        ("A00101-K", (Flag.SHAPED, Flag.NEAR)),
        ("A00099-K", (Flag.SHAPED, Flag.NEAR)),
        ("A09993-K", (Flag.SHAPED,)),
        ("A00255-K", (Flag.SHAPED,)),
        ("SOMETHING ELSE", ()),
    ],
)
def test_how_an_unknown_code_is_like_real_ones(
    numbered: Lane, code: str, flags: tuple[Flag, ...]
) -> None:
    """Counted on from a real one, only shaped like one, or neither; it is refused all the same."""
    verdict = numbered.admit(Scan(code))
    entry = newest(numbered._folder)
    assert (verdict.reason, entry.act, entry.flags) == (Reason.UNKNOWN, Act.REFUSAL, flags)
    assert code not in repr(entry)


def test_without_neighbours_none_is_near(numbered: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: a lane that tries no neighbour remarks nothing."""
    monkeypatch.setattr("gate.storage.code_look_up.neighbours", lambda _code: ())
    numbered.admit(Scan("A00101-K"))
    assert newest(numbered._folder).flags == (Flag.SHAPED,)


def test_neighbours() -> None:
    """The last number first, as long as it was; then neighbours swapped from the end."""
    assert list(neighbours("A10-K")) == [
        "A09-K", "A11-K", "A08-K", "A12-K", "A07-K", "A13-K",
        "A10K-", "A1-0K", "A01-K", "1A0-K",
    ]  # fmt: skip
    assert list(neighbours("9")) == ["8", "7", "6"]
    assert list(neighbours("")) == list(neighbours("aa")) == []


@pytest.fixture
def guessed(numbered: Lane, clock: FixedClock) -> Folder:
    """Somebody counts on from real tickets at North."""
    for code in CODES[:5]:
        clock.pass_seconds(20)
        numbered.admit(Scan(code.replace("0-K", "1-K")))
    return numbered._folder


def test_made_up_codes_are_told(guessed: Folder) -> None:
    """In a sentence, with what to do and the entries."""
    (one,) = look(guessed)
    assert (one.kind, one.severity, one.gates) == (Kind.NEAR_MISSES, Severity.HIGH, ("North",))
    assert one.sentence == (
        "5 different codes, each one change away from a real one, were shown at North."
    )
    assert len(one.entries) == 5


def test_looking_again_goes_on(guessed: Folder, numbered: Lane) -> None:
    """What came since is added; the event's or the machine's limits are read each time."""
    seen = AnomalyList(guessed, Config())
    assert len(seen.look(NOBODY_HEARD, NOW_MS)[0].entries) == 5
    numbered.admit(Scan(CODES[7].replace("0-K", "1-K")))
    assert len(seen.look(NOBODY_HEARD, NOW_MS)[0].entries) == 6
    seen.config = load(settings=["anomalies.near_misses=9"])
    assert seen.look(NOBODY_HEARD, NOW_MS) == []


def test_other_gates_entries_count(
    venue: Folder, lane: Lane, clock: FixedClock, tmp_path: Path
) -> None:
    """A used ticket that is tried at three gates, as soon as they are heard of; and no order."""
    lane.admit(Scan("GOOD001"))
    for gate in ("South", "West", "East"):
        with neighbour(tmp_path / gate, clock, gate) as other:
            carry(venue, other._folder)
            clock.pass_seconds(600)
            other.admit(Scan("GOOD001"))
            carry(other._folder, venue)
    (one,) = look(venue)
    assert (one.kind, set(one.gates)) == (Kind.COMES_ELSEWHERE, {"South", "West", "East"})
    assert one.about == "good-1"


def test_the_report(guessed: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, as JSON, and in the venue's report."""
    assert main(["report", "--anomalies", "--data-dir", str(guessed.path)]) == 0
    table = capsys.readouterr().out
    assert "codes made up (look now)" in table
    assert "Go there: somebody counts on from a real ticket" in table
    arguments = ["report", "--data-dir", str(guessed.path), "--format", "json"]
    assert main([*arguments, "--anomalies"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["kind"], line["severity"], len(line["entries"])) == ("near_misses", "high", 5)
    assert main([*arguments, "--venue"]) == 0
    assert json.loads(capsys.readouterr().out)["anomalies"] == [line]
    for form, part in (("table", "anomalies: 1"), ("csv", "anomaly,1,kind,near_misses")):
        assert main(["report", "--data-dir", str(guessed.path), "--venue", "--format", form]) == 0
        assert part in capsys.readouterr().out
    assert main(["report", "--data-dir", str(guessed.path), "--anomalies", "--format", "csv"]) == 2


def test_nothing_is_said_to_be_nothing(venue: Folder, clock: FixedClock) -> None:
    """A table without a line would look like a fault."""
    assert anomaly_list.as_table(look(venue)).startswith("Nothing is unlike an honest evening")
    assert fleet_report.look(venue, clock.read(), 10.0).anomalies == []


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_words(kind: Kind) -> None:
    """A title, a sentence with its facts, what to do; strangers' text is made safe."""
    one = Anomaly(
        kind, Severity.LOW, "a\x1b[2Jb", ("N\x07", "S"), NOW_MS, NOW_MS + 9_000_000, 7, 8, 2.0
    )
    (view,) = views([one], ZoneInfo("UTC"))
    assert view.title == TITLES[kind]
    assert view.remedy == REMEDIES[kind]
    assert "7" in view.sentence
    assert not any(char in view.sentence for char in "\x1b\x07{}")
    assert view.when == "2026-12-23 04:26 - 2026-12-23 06:56"


def test_words_that_are_missing_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: a kind without its sentence fails the test above."""
    sentences: dict[Kind, str] = anomaly_words._SENTENCES | {Kind.UNDOS: "{about}"}
    monkeypatch.setattr("gate.text.anomaly_words._SENTENCES", sentences)
    checked: Callable[[Kind], None] = test_every_kind_has_its_words
    with pytest.raises(AssertionError):
        checked(Kind.UNDOS)


def test_what_the_rules_need_of_the_list(venue: Folder) -> None:
    """Of a ticket its order and its party, its own before its type's; of an order its size."""
    rows: list[dict[str, object]] = [
        {"code": f"ORD{n}", "type": "SHOW", "id": f"o{n}", "order": "A-1"} for n in range(3)
    ]
    fill(venue, [*rows, {"code": "GRP1", "type": "SHOW", "id": "g1", "party": 4}])
    tickets = Tickets(venue)
    tickets.refresh()
    sold = SoldTickets(tickets, {})
    assert sold.sold(["o0", "g1", "nobody's"]) == {"o0": Sold("A-1", 1), "g1": Sold("", 4)}
    assert (sold.order_size("A-1"), sold.order_size("A")) == (3, 0)
    tickets.close()
    assert SoldTickets(None, {}).sold(["o0"]) == {}
