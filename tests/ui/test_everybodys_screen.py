"""Law 18: no sentence is cut; screens work on the console's font, in contrast, by a finger."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from gate import i18n
from gate.capture.camera import State
from gate.core.outcome import Outcome
from gate.core.place import Direction
from gate.storage.folder import Folder
from gate.text import glyphs
from gate.text.verdict_words import Words
from gate.ui.tui import few_glyphs, letters, status
from gate.ui.tui.app import THEMES
from gate.ui.tui.bars import KeyHints
from gate.ui.tui.messages import CameraChanged, ScannerChanged
from gate.ui.tui.readers import Readers
from gate.ui.tui.screens.page import KeysPage
from gate.ui.tui.screens.scanner import ScannerTest
from gate.ui.tui.screens.supervisor import SupervisorScreen
from gate.ui.tui.status import IMPORTANCE, Part, fitting
from gate.ui.tui.wrapping import wrapped
from tests.support.screen import Screen, make_app, running, with_operators
from tests.support.venue import FixedClock

SMALL = (80, 24)
READABLE = 4.5
"""The contrast that WCAG 2 asks of text (AA)."""


def drawn(screen: Screen) -> str:
    """Everything that is on the terminal now."""
    strips = screen.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


LONG = Words(
    word="STOP",
    rule="Ticket for another place",
    note=" ".join(["Wristband at the desk, then by the left stairs to the box."] * 16),
    fact="The ticket is for: North stand, lower tier, and the terrace behind it",
    remedy="Send the guest to the place on the ticket.",
    ticket="Hospitality with two meals and parking · Block C · Row 14 · Seat 7",
    holder="Maximiliane von Hohenstein-Wittgenstein",
    basis="alone: South not heard since 11:26, West not heard since 11:20",
)


def sentences(words: Words) -> list[str]:
    return [
        words.rule,
        words.note,
        words.fact,
        words.remedy,
        words.ticket,
        words.holder,
        words.basis,
    ]


async def read_all(screen: Screen) -> str:
    """What the panel says over all its pages, as one line."""
    pages = []
    for _ in range(20):
        pages.append(screen.text)
        before = screen.text
        await screen.press("pagedown")
        if screen.text == before:
            break
    told = re.sub(r"\d+ of \d+: Page Down reads on|✖ STOP\n", "", "\n".join(pages))
    return " ".join(told.split())


@pytest.mark.examples(1)
@pytest.mark.parametrize("size", [SMALL, (100, 30), (160, 48)], ids=str)
async def test_no_sentence_is_cut(venue: Folder, clock: FixedClock, size: tuple[int, int]) -> None:
    """A verdict wraps, takes the room there is, and can be read on to its last word."""
    async with running(venue, clock, size=size) as screen:
        screen.scan("VOID1")
        await screen.settle()
        screen.panel.show(Outcome.REFUSE, LONG)
        await screen.settle()
        told = await read_all(screen)
        for sentence in sentences(LONG):
            assert sentence in told
        assert not any("…" in line for line in screen.text.splitlines())


@pytest.mark.long
async def test_a_panel_without_pages_cuts(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: one page only."""
    from gate.ui.tui.verdict_panel import VerdictPanel  # noqa: PLC0415

    monkeypatch.setattr(VerdictPanel, "_paged", lambda _self, text, room: text[:room])
    with pytest.raises(AssertionError):
        await test_no_sentence_is_cut(venue, clock, SMALL)


async def test_a_long_verdict_gets_the_lines_below(venue: Folder, clock: FixedClock) -> None:
    """The counts give way to it, and come back with Enter; a short one moves nothing."""
    async with running(venue, clock, size=SMALL) as screen:
        below = screen.app.scan_screen.query_one("#below")
        screen.scan("GOOD001")
        await screen.settle()
        assert below.display
        height = screen.panel.content_size.height
        screen.panel.show(Outcome.REFUSE, replace(LONG, note="", fact=""))
        screen.app.scan_screen._make_room(screen.panel)
        await screen.settle()
        assert not below.display
        assert screen.panel.content_size.height > height
        assert "█" in screen.text
        await screen.press("enter")
        assert below.display


def test_wrapped_lines_are_the_sentence() -> None:
    """Also of letters that are two cells wide, and of words longer than a line."""
    for line in ("a b " * 40, "x" * 100, "检票口" * 30, ""):
        parts = wrapped(line, 19)
        assert "".join(parts).replace(" ", "") == line.replace(" ", "")
        assert all(Segment(part).cell_length <= 19 for part in parts)


# The status bar.


EVERYTHING = {part: part.value.upper() for part in Part}


def test_every_part_of_the_status_has_its_importance() -> None:
    """Once each."""
    assert sorted(IMPORTANCE) == sorted(Part)


@pytest.mark.parametrize("width", range(0, 220, 7))
def test_what_matters_least_goes_first(width: int) -> None:
    """Nothing is left out for something that matters less and is as long."""
    shown = fitting(EVERYTHING, width)
    assert len(shown) <= width
    kept = [part for part in Part if EVERYTHING[part] in shown.split(status.BETWEEN)]
    for n, part in enumerate(IMPORTANCE):
        if part not in kept:
            lesser = [one for one in IMPORTANCE[n + 1 :] if one in kept]
            assert all(len(EVERYTHING[one]) < len(EVERYTHING[part]) for one in lesser)


def test_a_lost_camera_stays_to_be_seen() -> None:
    """Beside a long name, an unheard server and all the rest."""
    crowded = EVERYTHING | {Part.GATE: "G" * 24, Part.SERVER: "central unheard since 11:26"}
    crowded[Part.CAMERA_TROUBLE] = "camera LOST"
    for part in (Part.LIST, Part.TURNSTILE):
        del crowded[part]
    assert "camera LOST" in fitting(crowded, 70)
    assert fitting(crowded, 34) == "REVOKED · DIRECTION · camera LOST"


def test_by_place_instead_of_importance_it_would_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation: the first that stand there."""
    monkeypatch.setattr(status, "IMPORTANCE", tuple(Part))
    with pytest.raises(AssertionError):
        test_a_lost_camera_stays_to_be_seen()


def test_a_camera_that_never_was_is_not_lost() -> None:
    """Beside a scanner that works; one that was there is, and so is one that is all there is."""
    alone, beside, gone = (
        Readers(has_camera=True),
        Readers(has_camera=True),
        Readers(has_camera=True),
    )
    for readers in (alone, beside):
        readers.set_camera(State.LOST)
    beside.scanned()
    gone.set_camera(State.LIVE)
    gone.scanned()
    gone.set_camera(State.LOST)
    assert (alone.is_camera_lost, beside.is_camera_lost, gone.is_camera_lost) == (True, False, True)
    assert (alone.camera, beside.camera, gone.camera) == ("camera LOST", "", "camera LOST")
    assert (Readers().camera, Readers().is_camera_lost) == ("", False)


async def test_a_lane_with_a_scanner_forgets_the_missing_camera(
    venue: Folder, clock: FixedClock
) -> None:
    """From the first code that is typed, or the grabbed scanner's coming."""
    for scan in (True, False):
        async with running(venue, clock, size=SMALL) as screen:
            scan_screen = screen.app.scan_screen
            scan_screen._readers = Readers(has_camera=True)
            scan_screen.post_message(CameraChanged(State.LOST, "no camera was found"))
            await screen.settle()
            assert "camera LOST" in drawn(screen)
            if scan:
                await screen.type("GOOD001")
            else:
                scan_screen.post_message(ScannerChanged(""))
                await screen.settle()
            assert "camera LOST" not in drawn(screen)
            assert not scan_screen.query_one("#preview").display


# The font of the console.


async def open_page(screen: Screen, key: str) -> None:
    await screen.press(key)
    await screen.pilot.pause(0.2)


async def walk(screen: Screen, look: Callable[[], None]) -> None:
    """Every outcome, every direction, every page and every question."""
    for direction in Direction:
        screen.lane.direction = direction
        screen.app.scan_screen._tick()
        screen.app.scan_screen._clear()
        await screen.pilot.pause()
        look()
    screen.lane.direction = Direction.IN
    for outcome in Outcome:
        screen.panel.show(outcome, replace(LONG, word=outcome.name, note="“Wine” – 2 × 5 € … →"))
        await screen.pilot.pause()
        look()
    for code in ("GOOD001", "GOOD001", "VOID1", "NAMED1", "NOBODY"):
        screen.scan(code)
        await screen.settle()
        look()
    screen.app.notify("It ‘is’ well — or “not”…", title="✔ ● ○", timeout=30)
    for key in ("f1", "f3", "f4", "f9"):
        await open_page(screen, key)
        look()
        for section in "1234" if key == "f3" else "":
            await screen.press(section)
            look()
        await screen.press("f2")
    for key in ("ctrl+k", "ctrl+n", "ctrl+o", "f5"):
        screen.scan("VOID1")
        await screen.settle()
        await screen.press(key)
        look()
        await screen.press("escape")
    screen.app.push_screen(ScannerTest("keyboard", 40))
    await screen.pilot.pause()
    look()


def strange(text: str) -> set[str]:
    return {one for one in text if one != "\n" and not glyphs.is_drawable(one)}


@pytest.mark.long
@pytest.mark.parametrize("language", i18n.available())
async def test_the_console_draws_every_screen(
    venue: Folder, clock: FixedClock, language: str
) -> None:
    """With ASCII, letters and coloured blanks only."""
    with_operators(venue)
    i18n.use(language)
    async with running(venue, clock, "screen.glyphs=ascii", size=SMALL) as screen:
        seen: set[str] = set()
        await walk(screen, lambda: seen.update(strange(drawn(screen))))
        assert seen == set()


@pytest.mark.long
async def test_undrawn_glyphs_are_found(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: nothing stands in for anything."""
    monkeypatch.setattr(few_glyphs, "stand_in", lambda character: character)
    few_glyphs._drawn.cache_clear()
    try:
        with pytest.raises(AssertionError):
            await test_the_console_draws_every_screen(venue, clock, "en")
    finally:
        few_glyphs._drawn.cache_clear()


def test_words_and_shapes_are_blanks_in_their_colour() -> None:
    """Each row looks the same: where there was a block, a blank in reverse."""
    style = Style(color="white", bgcolor="red")
    for outcome in Outcome:
        for row in letters.shape(outcome):
            cells = few_glyphs.FewGlyphs().apply([Segment(row, style)], Color.parse("black"))
            inked = "".join(
                ("#" if s.style and s.style.reverse else " ") * len(s.text) for s in cells
            )
            assert inked == row.replace("█", "#")


def test_the_consoles_sixteen_colours_are_not_dark_on_dark() -> None:
    """Black stays black, as bold would be a dark grey; dark grey on black becomes a light one."""

    def drawn(color: str, on: str) -> Style:
        style = Style(color=color, bgcolor=on, bold=True)
        (segment,) = few_glyphs.FewGlyphs().apply([Segment("Good", style)], Color.parse("black"))
        assert segment.style
        return segment.style

    dark = THEMES[0]
    assert dark.success
    assert dark.secondary
    assert dark.background
    assert not drawn("#000000", dark.success).bold
    assert drawn(dark.secondary, dark.background).color == RichColor.parse("white")
    assert drawn("#ffffff", "#9b1c0a") == Style(color="#ffffff", bgcolor="#9b1c0a", bold=True)


def test_a_stand_in_is_as_wide_as_what_it_stands_for() -> None:
    """So nothing moves, and it can always be drawn."""
    for number in (*range(0x20, 0x3000), *range(0x4E00, 0x4E10), 0x1F600, 0x1F3AB):
        character = chr(number)
        shown = glyphs.stand_in(character)
        if shown != glyphs.FILLED:
            assert all(glyphs.is_drawable(one) for one in shown), hex(number)
            assert Segment(shown).cell_length == Segment(character).cell_length or not (
                character.isprintable()
            ), hex(number)


def test_the_terminal_decides_unless_somebody_has() -> None:
    """``TERM`` of a console, or an encoding without signs."""
    assert glyphs.are_few("auto", {"TERM": "linux"})
    assert not glyphs.are_few("auto", {"TERM": "xterm-256color"})
    assert glyphs.are_few("ascii", {"TERM": "xterm-256color"})
    assert not glyphs.are_few("unicode", {"TERM": "linux"})


def test_the_symbols_of_outcomes_differ_everywhere() -> None:
    """Also where the font has few, and so do the shapes."""
    assert len(set(letters.SYMBOLS.values())) == len(Outcome)
    assert len({glyphs.stand_in(symbol) for symbol in letters.SYMBOLS.values()}) == len(Outcome)
    assert len({tuple(letters.shape(outcome)) for outcome in Outcome}) == len(Outcome)


# Contrast.


def contrast(text: Color, ground: Color) -> float:
    """By WCAG 2."""

    def luminance(color: Color) -> float:
        parts = [
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
            for part in color.normalized
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    lighter, darker = sorted((luminance(text), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def pairs(venue: Folder, clock: FixedClock, theme: str) -> Iterable[tuple[str, float]]:
    """Of each of our rules that names text and ground: its selector, and their contrast."""
    app = make_app(venue, clock, f"screen.theme={theme}")
    try:
        app.stylesheet.set_variables(app.get_css_variables())
        app.stylesheet.read_all(app.css_path)
        app.stylesheet.parse()
        for rule in app.stylesheet.rules:
            rules = rule.styles.get_rules()
            if "color" in rules and "background" in rules and rules["background"].a == 1:
                ground = rules["background"]
                text = rules["color"]
                if rules.get("auto_color"):
                    text = ground.get_contrast_text(text.a)
                yield rule.selectors, contrast(ground + text, ground)
    finally:
        app.lane.close()


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
def test_every_text_has_contrast(venue: Folder, clock: FixedClock, theme: str) -> None:
    """4.5 to 1 at least, in both themes."""
    found = dict(pairs(venue, clock, theme))
    assert any(".banner" in selector for selector in found)
    assert any("VerdictPanel.-ask" in selector for selector in found)
    assert {selector: ratio for selector, ratio in found.items() if ratio < READABLE} == {}


def test_white_on_amber_would_not_do() -> None:
    """The mutation: what the banner of the light theme once was."""
    assert contrast(Color.parse("#ffffff"), Color.parse("#ffb000")) < READABLE
    assert contrast(Color.parse("#000000"), Color.parse("#ffffff")) == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_outcomes_differ_in_sixteen_colours(theme: Theme) -> None:
    """The console's; what each is drawn on, by the style sheet."""
    grounds = [theme.success, theme.primary, theme.warning, theme.error]
    grounds += [theme.variables[f"gate-{name}"] for name in ("hold", "neutral", "valid", "ask")]
    numbers = {RichColor.parse(g or "").downgrade(ColorSystem.STANDARD).number for g in grounds}
    assert len(numbers) == len(grounds) == len(Outcome)


# Touch.


async def touch(screen: Screen, words: str) -> None:
    """Press where the footer says so."""
    hints = screen.app.screen.query_one(KeyHints)
    at = str(hints.content).index(words) + hints.content_region.x - hints.region.x
    await screen.pilot.click(KeyHints, offset=(at, 0))
    await screen.settle()


async def test_the_footer_can_be_pressed(venue: Folder, clock: FixedClock) -> None:
    """Each key where it is named, and of several the one that was hit."""
    async with running(venue, clock, size=(160, 48)) as screen:
        await touch(screen, "F3")
        assert screen.app.screen is not screen.app.scan_screen
        await touch(screen, "5 lists")
        assert "▶ 5" in drawn(screen)
        await touch(screen, "back")
        assert screen.app.screen is screen.app.scan_screen
        await touch(screen, "^K")
        assert screen.app.screen is not screen.app.scan_screen


async def test_a_finger_on_the_panel_reads_on_and_clears(venue: Folder, clock: FixedClock) -> None:
    """Page by page, and after the last one as Enter does."""
    async with running(venue, clock, size=SMALL) as screen:
        screen.panel.show(Outcome.REFUSE, LONG)
        await screen.settle()
        for page in range(1, screen.panel._pages + 1):
            assert f"{page} of {screen.panel._pages}" in screen.text
            await screen.pilot.click("VerdictPanel")
            await screen.settle()
        assert screen.panel.outcome is None


# Every key.


def footer(screen: Screen) -> str:
    return str(screen.app.screen.query_one(KeyHints).content)


@pytest.mark.examples(1)
@pytest.mark.parametrize("key", ["f1", "question_mark"])
async def test_every_key_can_be_seen(venue: Folder, clock: FixedClock, key: str) -> None:
    """At 80x24 the footer ends with the key that lists them all; nothing of the list is cut."""
    async with running(venue, clock, size=(80, 24)) as screen:
        await screen.press("f3")
        supervisor = screen.app.screen
        assert isinstance(supervisor, SupervisorScreen)
        assert footer(screen).startswith("F2 back")
        assert footer(screen).endswith("F1 all keys")
        assert len(footer(screen)) <= 80
        await screen.press(key)
        text = drawn(screen)
        for hint in supervisor.hints():
            assert hint[0] in text
            assert hint[1] in text
        await screen.press("f1", "escape")
        assert screen.app.screen is supervisor


async def test_where_all_fit_no_key_is_wanted_for_it(venue: Folder, clock: FixedClock) -> None:
    """And without the one that lists them some would be named nowhere: the mutation."""
    async with running(venue, clock, size=(200, 24)) as screen:
        await screen.press("f3")
        assert "all keys" not in footer(screen)
        assert "try the server now" in footer(screen)
    async with running(venue, clock, size=(80, 24)) as screen:
        await screen.press("f3")
        hints = screen.app.screen.query_one(KeyHints)
        hints._more = None
        hints.on_resize()
        assert "try the server now" not in footer(screen)
        assert "all keys" not in footer(screen)


async def test_the_key_that_lists_them_can_be_pressed(venue: Folder, clock: FixedClock) -> None:
    """With a finger, as the others."""
    async with running(venue, clock, size=(80, 24)) as screen:
        await screen.press("f3")
        await touch(screen, "F1")
        assert isinstance(screen.app.screen, KeysPage)
