"""The preflight as text for a terminal, and as a page to print and sign."""

from html import escape
from zoneinfo import ZoneInfo

from gate.i18n import _
from gate.reports.preflight import Check, GateChecks, Light, Preflight
from gate.text.fleet_words import sign_off
from gate.text.printable import printable
from gate.text.times import clock_time

_MARKS = {Light.GREEN: "✓", Light.RED: "✗", Light.UNKNOWN: "?", Light.NONE: ""}
"""Beside the colour, which a printer or an eye may not have."""
_STYLE = """
body { font: 11pt/1.4 sans-serif; margin: 2em; color: #000; background: #fff; }
table { border-collapse: collapse; width: 100%; font-size: 9pt; }
th, td { border: 1px solid #888; padding: .3em .5em; text-align: left; vertical-align: top; }
thead th { background: #eee; }
.red, .unknown { font-weight: bold; }
.red { background: #ffd6cf; } .unknown { background: #fff0c2; } .green { background: #dff5e8; }
.sign { margin-top: 2em; border: 1px solid #000; padding: 1em; page-break-inside: avoid; }
.line { display: inline-block; min-width: 16em; border-bottom: 1px solid #000; }
@page { size: landscape; margin: 1.5cm; }
@media print { body { margin: 0; } * { print-color-adjust: exact; } tr { break-inside: avoid; } }
"""


_LINE = '<span class="line">&nbsp;</span>'


def as_text(seen: Preflight, time_zone: ZoneInfo) -> str:
    """A line for each gate: that it is ready, or what is not green; and who signed last."""
    lines, ready, look = [], _("ready"), _("LOOK")
    for gate in seen.gates:
        lines.append(f"{look if gate.not_green else ready:<8} {gate.name}")
        lines += [f"         {_mark(one)} {one.name}: {one.words}" for one in gate.not_green]
    lines.append(_("all gates are ready") if seen.is_green else _("not all gates are ready"))
    if seen.signed is not None:
        lines.append(sign_off(seen.signed, time_zone))
    return "\n".join(lines) + "\n"


def as_html(seen: Preflight, time_zone: ZoneInfo, signed_by: str = "") -> str:
    """A page that needs nothing else: every check of every gate, and who signed it off when."""
    when = clock_time(seen.at_ms, time_zone, dated=True, seconds=True)
    title = _("Gates before doors: {event}").format(event=seen.event) if seen.event else ""
    title = escape(title or _("Gates before doors"))
    names = [check.name for check in seen.gates[0].checks] if seen.gates else []
    head = "".join(f"<th>{escape(name)}</th>" for name in (_("gate"), *names))
    rows = "\n".join(_row(gate) for gate in seen.gates)
    # Translated by the tag of the language that the page is in.
    language = escape(_("en"))
    return f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<style>{_STYLE}</style></head><body>
<h1>{title}</h1>
<p>{escape(when)} ({escape(time_zone.key)})</p>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table>
{_signed_before(seen, time_zone)}<div class="sign">{_sign_off(seen, when, signed_by)}</div>
</body></html>
"""


def _signed_before(seen: Preflight, time_zone: ZoneInfo) -> str:
    if seen.signed is None:
        return ""
    return f"<p>{escape(sign_off(seen.signed, time_zone))}</p>\n"


def _row(gate: GateChecks) -> str:
    cells = "".join(
        f'<td class="{one.light}">{_mark(one)} {escape(one.words)}</td>' for one in gate.checks
    )
    return f"<tr><th>{escape(gate.name)}<br><small>{escape(gate.device)}</small></th>{cells}</tr>"


def _sign_off(seen: Preflight, when: str, signed_by: str) -> str:
    """Who signs, when, and what was not green then."""
    items = "".join(
        f"<li>{escape(gate.name)}: {escape(_listed(gate))}</li>"
        for gate in seen.gates
        if gate.not_green
    )
    found = escape(_("all gates are ready") if seen.is_green else _("not green:"))
    sentence = escape(_("Signed off by {name}, {when}."))
    # By hand, where nobody is named.
    name, at = (escape(printable(signed_by, 80)), escape(when)) if signed_by else (_LINE, _LINE)
    return f"<p>{sentence.format(name=name, when=at)}</p><p>{found}</p><ul>{items}</ul>"


def _listed(gate: GateChecks) -> str:
    return "; ".join(f"{one.name}: {one.words}" for one in gate.not_green)


def _mark(check: Check) -> str:
    return _MARKS[check.light]
