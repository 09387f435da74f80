"""``gate report --answers``: what guests answered, at this gate and at others that were heard."""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from gate.cli.main import main
from gate.core.place import HouseRules
from gate.core.question import parse
from gate.core.verdict import Scan
from gate.reports import answer_list
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from tests.conftest import MakeLane
from tests.support.lanes import write_peer_entries

QUESTIONS = (
    '[{"id": "meal", "text": "Which meal?", "kind": "choice",'
    ' "options": [{"id": "soup", "text": "Soup"}]},'
    ' {"id": "plate", "text": "Plate?", "required": false}]'
)


@pytest.fixture
def asked(venue: Folder, make_lane: MakeLane) -> Folder:
    """Two guests have answered, one at another gate; a third one was undone."""
    lane = make_lane(rules=HouseRules(questions=QUESTIONS))
    for code, plate in (("GOOD001", "=1+1"), ("GOOD002", ""), ("GOOD003", "B-XY 1")):
        lane.admit(Scan(code))
        lane.fill_in("1")
        assert lane.fill_in(plate).is_green
    lane.undo()
    reader = JournalReader(venue.journal)
    first = next(entry for _row, entry in reader.page() if entry.ticket == "good-1")
    reader.close()
    write_peer_entries(venue, [replace(first, origin="other.1", ticket="good-1", gate="South")])
    return venue


def test_each_answer_is_a_row(asked: Folder) -> None:
    """As people read it; what was undone, and what was not answered, is none."""
    found = answer_list.look(asked, parse(QUESTIONS))
    assert {(one.gate, one.ticket, one.text, one.answer) for one in found} == {
        ("North", "good-1", "Which meal?", "Soup"),
        ("North", "good-1", "Plate?", "=1+1"),
        ("South", "good-1", "Which meal?", "Soup"),
        ("South", "good-1", "Plate?", "=1+1"),
        ("North", "good-2", "Which meal?", "Soup"),
    }
    csv = answer_list.as_csv(found, ZoneInfo("UTC"))
    assert "'=1+1" in csv, "a cell is no formula"
    assert len(json.loads(answer_list.as_json(found, ZoneInfo("UTC")))) == 5


def test_the_command_tells_them(asked: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """By the questions of this gate's own settings."""
    setting = f"rules.questions={QUESTIONS}"
    code = main(["report", "--answers", "--data-dir", str(asked.path), "--set", setting])
    assert code == 0
    assert "good-2 · Which meal? Soup" in capsys.readouterr().out
