"""What somebody chose in the browser: which column is what, and how the rest is meant."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gate.core.ticket import Kind
from gate.errors import GateError
from gate.i18n import _
from gate.lists.charset import Charset, named_charset
from gate.lists.columns import NO_COLUMN
from gate.lists.dates import DayOrder
from gate.lists.intake import Wanted
from gate.lists.preview import Sheet
from gate.lists.rows import Reading
from gate.text.column_words import column_word
from gate.text.printable import printable
from sync.server.http import Denied
from sync.server.web.pages import Form


@dataclass(frozen=True, slots=True)
class Choices:
    """How a list is to be taken in."""

    columns: dict[str, str] = field(default_factory=dict)
    """Headings by field, where they are not what was understood (``Reading``)."""
    day_order: DayOrder | None = None
    charset: str = ""
    type_id: str = ""
    make_kind: str = ""
    cancel_missing: bool = False

    @property
    def reading(self) -> Reading:
        """How the file is read."""
        return Reading(self.columns, self.day_order, charset_named(self.charset))

    def wanted(self, time_zone: str, *, dry_run: bool) -> Wanted:
        """As the importer is told."""
        return Wanted(
            reading=self.reading,
            time_zone=time_zone,
            type_id=self.type_id,
            make_kind=self.make_kind,
            cancel_missing=self.cancel_missing,
            dry_run=dry_run,
        )


def chosen(form: Form, understood: Sequence[Sheet]) -> Choices:
    """What a form says; ``understood`` has the columns as they are without it. Raises Denied."""
    order, kind = form["dates"], form["kind"]
    if order not in ("", *DayOrder) or kind not in ("", *Kind):
        raise _invalid(_("The form cannot be read."))
    charset = form.text("charset", 40)
    charset_named(charset)
    return Choices(
        columns=_columns(form, understood),
        day_order=DayOrder(order) if order else None,
        charset=charset,
        type_id=form.text("type", 200),
        make_kind=kind,
        cancel_missing=form["cancel_missing"] == "1",
    )


def charset_named(name: str) -> Charset | None:
    """A charset by what people call it; ``None`` for none. Raises Denied."""
    try:
        return named_charset(name) if name else None
    except GateError as fault:
        raise _invalid(fault.message) from fault


def _columns(form: Form, understood: Sequence[Sheet]) -> dict[str, str]:
    """Headings by field, only where they are not what is understood anyway. Raises Denied."""
    stated: dict[str, str] = {}
    left_out: set[str] = set()
    for number, sheet in enumerate(understood):
        by_itself = {one.field: one.heading for one in sheet.columns if one.field}
        wanted: dict[str, str] = {}
        for place, column in enumerate(sheet.columns):
            name = form.get(f"c{number}.{place}", column.field)
            if name and name in wanted:
                raise _twice(name, wanted[name], column.heading)
            if name and column.heading:
                wanted[name] = column.heading
        for name, heading in wanted.items():
            if by_itself.get(name) != heading:
                if stated.get(name, heading) != heading:
                    raise _twice(name, stated[name], heading)
                stated[name] = heading
        left_out |= by_itself.keys() - wanted.keys()
    return dict.fromkeys(left_out, NO_COLUMN) | stated


def _twice(name: str, one: str, other: str) -> Denied:
    sentence = _("{one} and {other} cannot both be: {field}")
    shown = sentence.format(
        one=printable(one, 60), other=printable(other, 60), field=column_word(name)
    )
    return _invalid(shown)


def _invalid(reason: str) -> Denied:
    return Denied(422, "invalid", reason)
