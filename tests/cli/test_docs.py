"""The pages: what is needed first begins them, links lead somewhere, commands are there."""

import re
import shlex
from argparse import ArgumentParser
from contextlib import redirect_stdout, suppress
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from gate.cli.parser import build_parser
from tests.support.paths import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*DOCS, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings can be linked to, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    """Relative links of a page whose file or heading is not there."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text)):
        name, _, anchor = link.partition("#")
        if ":" in name:
            continue
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


def beginning(text: str) -> int:
    """How many words stand before a page's details: before the first heading below its own."""
    return len(text.partition("\n## ")[0].split())


def mentioned_pages() -> list[tuple[Path, str]]:
    """What the program's own files say is in ``docs/``."""
    files = [path for package in ("gate", "sync") for path in (ROOT / package).rglob("*.p[yo]")]
    return [
        (file, name)
        for file in [*files, ROOT / "config.toml", *(ROOT / "benchmarks").glob("*.py")]
        for name in re.findall(r"docs/[\w-]+\.md", file.read_text("utf-8"))
    ]


def shell_commands(text: str) -> list[list[str]]:
    """Each ``gate …`` of the blocks of shell and of systemd units, as its arguments."""
    commands = []
    for language, block in BLOCK.findall(text):
        if language not in ("sh", "ini"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|;|\|(?=\s)", re.sub(r"\s#.*|\s>.*", "", line)):
                command = (part.partition("ExecStart=")[2] or part).strip()
                if re.match(r"(?:\S*/)?gate\s", command):
                    words = shlex.split(command)[1:]
                    commands.append([word for word in words if word != "…"])
    return commands


def inline_commands(text: str) -> list[list[str]]:
    """Each ``gate …`` of a sentence: often a part of a command, enough to find it by."""
    spans = re.findall(r"`gate\s+([a-z][^`]*)`", BLOCK.sub("", text))
    return [[word for word in span.split() if word != "…"] for span in spans]


@cache
def english() -> ArgumentParser:
    """The command line, made once: a hundred commands are read by it."""
    return build_parser()


def is_taken(arguments: list[str]) -> bool:
    """Whether the parser takes these arguments, or ends well because help was asked for."""
    try:
        with redirect_stdout(StringIO()):
            english().parse_args(arguments)
    except SystemExit as end:
        return not end.code
    return True


def unknown_part(arguments: list[str]) -> str:
    """What of a part of a command is no command or flag; empty where all is."""
    flags = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    names = arguments[: next((i for i, w in enumerate(arguments) if w.startswith("-")), None)]
    told = StringIO()
    if not is_taken([*names, "--help"]):
        return " ".join(names)
    with redirect_stdout(told), suppress(SystemExit):
        english().parse_args([*names, "--help"])
    known = set(re.findall(r"(?<![\w-])--[\w-]+", told.getvalue()))
    return " ".join(flag for flag in flags if flag not in known)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Each relative link names a file that is there, and a heading in it."""
    assert dead_links(page, page.read_text("utf-8")) == []


def test_a_dead_link_is_found() -> None:
    """Mutation: a page, and a heading, that are not there."""
    text = "[a](nowhere.md), [b](#nowhere), [c](README.md#nowhere), [d](door.md), [e](https://x.y)"
    assert dead_links(ROOT / "docs" / "README.md", text) == [
        "nowhere.md",
        "#nowhere",
        "README.md#nowhere",
    ]


def test_the_program_names_pages_that_are_there() -> None:
    """Also in comments, docstrings and translations."""
    mentioned = mentioned_pages()
    assert len(mentioned) > 5
    assert [(file.name, name) for file, name in mentioned if not (ROOT / name).exists()] == []


def test_the_index_has_every_page() -> None:
    """``docs/README.md`` links to each of its neighbours."""
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert [
        page.name for page in DOCS if page.name != "README.md" and f"({page.name})" not in index
    ] == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_page_begins_with_what_is_needed(page: Path) -> None:
    """At most 350 words, enough to read in five minutes with what they link to."""
    assert 50 <= beginning(page.read_text("utf-8")) <= 350


def test_a_page_without_a_beginning_is_found() -> None:
    """Mutation: details at once, and details without an end to their beginning."""
    page = (ROOT / "docs" / "door.md").read_text("utf-8")
    assert beginning("# Door\n" + page[page.index("\n## ") :]) < 50
    assert beginning(page.replace("\n## ", "\n### ")) > 350


def test_the_front_page_is_short() -> None:
    """At most 150 lines."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


@pages
def test_every_command_is_taken(page: Path) -> None:
    """The parser takes each command of a block as it stands, and knows each one of a sentence."""
    text = page.read_text("utf-8")
    assert [command for command in shell_commands(text) if not is_taken(command)] == []
    assert [part for command in inline_commands(text) if (part := unknown_part(command))] == []


def test_a_command_that_is_no_more_is_found() -> None:
    """Mutation: commands and flags that were never there."""
    block = "```sh\ngate scan --never   # a lane\ngate doctor && gate nothing\n```\n"
    taken = [is_taken(command) for command in shell_commands(block)]
    assert taken == [False, True, False]
    sentence = "`gate serve --revoke` and `gate serve --never`, `gate venue nothing`, `gate log`"
    assert [unknown_part(command) for command in inline_commands(sentence)] == [
        "",
        "--never",
        "venue nothing",
        "",
    ]
