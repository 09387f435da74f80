"""What cameras and scanners have to say, in words for guests and operators."""

from collections.abc import Iterable
from typing import NamedTuple

from gate.capture.hints import Advice, Hint
from gate.capture.parts import InParts
from gate.capture.switched_off import OffHere
from gate.core.symbologies import title
from gate.core.verdict import ScannerProof, Verdict
from gate.credential.repair import Flaw, Kind, read_flaw
from gate.credential.scanners import Established
from gate.i18n import N_, _, ngettext
from gate.lane.scanner_repair import Proposed
from gate.text.printable import printable
from gate.text.ticket_words import describe

ADVICE_WORDS = {
    Advice.WHOLE: N_("The whole code in the picture, please"),
    Advice.FURTHER: N_("A little further away, please"),
    Advice.NEARER: N_("A little nearer, please"),
    Advice.TILT: N_("Tilt it, please: a lamp is mirrored in it"),
    Advice.BRIGHTER: N_("A brighter screen, please"),
    Advice.DIMMER: N_("A darker screen, please: it dazzles"),
    Advice.STILL: N_("Hold it still, please"),
}

LAYOUT_WORDS = {
    "us": N_("US"),
    "uk": N_("British"),
    "fr": N_("French (AZERTY)"),
    "de": N_("German (QWERTZ)"),
    "it": N_("Italian"),
    "es": N_("Spanish"),
    "se": N_("Swedish or Finnish"),
    "dk": N_("Danish"),
    "no": N_("Norwegian"),
    "be": N_("Belgian"),
    "ch": N_("Swiss (German)"),
    "ch-fr": N_("Swiss (French)"),
    "pt": N_("Portuguese"),
    "is": N_("Icelandic"),
    "nl": N_("Dutch"),
    "cz": N_("Czech (QWERTZ)"),
    "cz-qwerty": N_("Czech (QWERTY)"),
    "sk": N_("Slovak"),
    "hu": N_("Hungarian"),
    "ro": N_("Romanian"),
    "hr": N_("Croatian or Slovenian"),
    "rs": N_("Serbian"),
    "mk": N_("Macedonian"),
    "bg": N_("Bulgarian"),
    "bg-phonetic": N_("Bulgarian (phonetic)"),
    "gr": N_("Greek"),
    "tr": N_("Turkish (Q)"),
    "tr-f": N_("Turkish (F)"),
    "ru": N_("Russian"),
    "ua": N_("Ukrainian"),
    "by": N_("Belarusian"),
    "il": N_("Hebrew"),
    "ee": N_("Estonian"),
    "lt": N_("Lithuanian"),
    "al": N_("Albanian"),
    "mt": N_("Maltese"),
}


class Trouble(NamedTuple):
    """One thing that is wrong with a scanner, and what to do about it."""

    what: str
    remedy: str


def hint_words(hint: Hint) -> str:
    """What to say of a code that is in sight and gives no scan."""
    match hint:
        case OffHere(symbology):
            return off_words(symbology)
        case InParts():
            return parts_words(hint)
        case _:
            return _(ADVICE_WORDS[hint])


def hint_line(hint: Hint) -> str:
    """The same as a line; of what a guest can do something about it says so."""
    if isinstance(hint, OffHere):
        return "# " + off_words(hint.symbology)
    return _("# guest: {advice}").format(advice=hint_words(hint))


def off_words(symbology: str) -> str:
    """That codes of a kind are not read here, and where that is set."""
    sentence = _("This is a {kind} code, which is not switched on here: camera.formats")
    return sentence.format(kind=title(symbology))


def parts_words(parts: InParts) -> str:
    """Which parts of a code were read, and that the others are wanted."""
    sentence = ngettext(
        "Part {seen} of {of} of a code: show the others, please",
        "Parts {seen} of {of} of a code: show the others, please",
        len(parts.seen),
    )
    return sentence.format(seen=", ".join(map(str, parts.seen)), of=parts.of)


def troubles(flaws: Iterable[Flaw]) -> list[Trouble]:
    """Each flaw in words; none where nothing is wrong."""
    return [_trouble(flaw) for flaw in flaws]


def scanner_line(verdict: Verdict) -> str:
    """What is wrong with the scanner, by this verdict, and what it takes to believe that."""
    if verdict.ended_flaws:
        return _("The scanner types what it reads after all: no more is put right of it.")
    if not verdict.scanner_flaws:
        return ""
    found = troubles(read_flaw(flaw) for flaw in verdict.scanner_flaws)
    if verdict.scanner_proof is None:
        return " ".join((_("Put right:"), *(trouble.what for trouble in found)))
    proof = {
        ScannerProof.KEY: _("Is it so? Ctrl+S shows it, and believes it."),
        ScannerProof.SUPERVISOR: _("Is it so? Ctrl+S shows it; a supervisor's PIN believes it."),
    }[verdict.scanner_proof]
    return " ".join((*(trouble.what for trouble in found), proof))


def proposal_lines(proposed: Proposed, *, show_names: bool) -> list[str]:
    """Both texts, whose ticket it would be, and what would be wrong with the scanner."""
    ticket = proposed.ticket
    holder = printable(ticket.holder) if show_names else ""
    whose = " · ".join(part for part in (describe(ticket), holder) if part)
    return [
        _("typed: {text}").format(text=printable(proposed.text, 60)),
        _("meant: {text}").format(text=printable(proposed.meant, 60)),
        _("ticket: {ticket}").format(ticket=whose),
        *(trouble.what for trouble in troubles(proposed.flaws)),
    ]


def saved_line(source: str, established: Established) -> str:
    """What is put right of an input's texts, for the start of the lane."""
    found = [trouble.what for trouble in troubles(established.flaws[0])]
    return _("Put right at input {source}: {what}").format(source=source, what=" ".join(found))


def _trouble(flaw: Flaw) -> Trouble:
    if flaw.kind is Kind.LAYOUT:
        computer, _arrow, scanner = flaw.detail.partition(">")
        names = {"computer": _(LAYOUT_WORDS[computer]), "scanner": _(LAYOUT_WORDS[scanner])}
        return Trouble(
            _("The scanner types for another keyboard: {scanner}, here is {computer}.").format(
                **names
            ),
            _("Set its keyboard layout to {computer}, with a setup code of its manual.").format(
                **names
            ),
        )
    if flaw.kind in (Kind.ADDED_FIRST, Kind.ADDED_LAST):
        return _added(flaw)
    what, remedy = _SIMPLE[flaw.kind]
    return Trouble(_(what).format(text=printable(flaw.detail, 20)), _(remedy))


def _added(flaw: Flaw) -> Trouble:
    n = int(flaw.detail)
    if flaw.kind is Kind.ADDED_FIRST:
        what = ngettext(
            "The scanner puts {n} character before the code.",
            "The scanner puts {n} characters before the code.",
            n,
        )
        return Trouble(what.format(n=n), _("Switch its prefix and its code identifier off."))
    what = ngettext(
        "The scanner puts {n} character after the code.",
        "The scanner puts {n} characters after the code.",
        n,
    )
    return Trouble(what.format(n=n), _("Let its suffix be Enter and nothing else."))


_SIMPLE = {
    Kind.CASE: (
        N_("Capitals and small letters are not those of the code."),
        N_("Switch Caps Lock off, and the scanner's change of case."),
    ),
    Kind.ALT: (
        N_("The scanner types the numbers of characters, for Alt and the keypad."),
        N_("Switch its ALT mode (universal keyboard) off."),
    ),
    Kind.LOST_FIRST: (
        N_("The scanner leaves out what codes begin with: {text}"),
        N_("Let it send all characters of a code."),
    ),
    Kind.LOST_LAST: (
        N_("The scanner leaves out what codes end with: {text}"),
        N_("Let it send all characters of a code."),
    ),
    Kind.ECI: (
        N_("The scanner puts marks of character sets (ECI) into the text."),
        N_("Switch its ECI protocol off."),
    ),
    Kind.GS_AS: (
        N_("The scanner types this instead of the separator GS: {text}"),
        N_("Let it send GS as Ctrl+], or connect it as a serial device."),
    ),
    Kind.GS_LOST: (
        N_("The scanner leaves out the separator GS."),
        N_("Let it send GS as Ctrl+], or connect it as a serial device."),
    ),
    Kind.GS_ADDED: (
        N_("The scanner types a separator GS that codes here do not have."),
        N_("Switch its GS1 mode off."),
    ),
}
