"""What is answered: kept over interruptions, given in a file, and no secret."""

from pathlib import Path

import pytest

from gate.errors import DamagedError, UsageError
from gate.setup.answers import KEYS, Answers, KeptAnswers, read_answers
from gate.storage.folder import Folder
from tests.support.paths import ROOT


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_file_of_answers(tmp_path: Path) -> None:
    """Text is taken as it stands, true and false are yes and no."""
    file = written(tmp_path / "a.toml", 'camera = "off"\nwrite = true\nconsole_font = false\n')
    assert read_answers(file) == Answers(camera="off", write="yes", console_font="no")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('camra = "off"', "camra: there is no such question"),
        ("camera = 0", "camera: found 0; allowed: text"),
        ("camera =", "not TOML"),
    ],
)
def test_a_file_that_will_not_do(tmp_path: Path, text: str, told: str) -> None:
    """An unknown key, something that is no text, and no TOML are told."""
    with pytest.raises(UsageError, match=told):
        read_answers(written(tmp_path / "a.toml", text))


def test_an_unknown_key_is_told_what_is_near(tmp_path: Path) -> None:
    """So a slip of a finger is seen at once."""
    with pytest.raises(UsageError) as caught:
        read_answers(written(tmp_path / "a.toml", 'camra = "off"'))
    assert "camera" in caught.value.hint


def test_answers_outlive_the_process(folder: Folder) -> None:
    """Each is kept at once; what was finished is only what the next conversation suggests."""
    kept = KeptAnswers(folder)
    kept.keep("camera", "off")
    again = KeptAnswers(folder)
    assert (again.answers, again.last) == (Answers(camera="off"), Answers())
    again.finish()
    finished = KeptAnswers(folder)
    assert (finished.answers, finished.last) == (Answers(), Answers(camera="off"))


def test_a_file_of_something_else_is_told(folder: Folder) -> None:
    """It is not taken for no answers."""
    folder.setup_answers.write_text("[]")
    with pytest.raises(DamagedError):
        KeptAnswers(folder)


def test_the_pages_example_is_taken(tmp_path: Path) -> None:
    """It has every key, so that none is undocumented."""
    page = (ROOT / "docs" / "five-gates.md").read_text("utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    read = read_answers(written(tmp_path / "a.toml", example))
    assert [key for key in KEYS if getattr(read, key) is None] == []
