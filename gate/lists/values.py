"""What values mean: cells of a row made into the fields that a row states."""

import re
from collections.abc import Sequence
from typing import Any

from gate.core.ticket import Status
from gate.i18n import _
from gate.lists.codes import checked, mended
from gate.lists.columns import FIRST_NAME, LAST_NAME, PEOPLE, PLUS, Field, Layout, Value, plain
from gate.lists.dates import Dates
from gate.lists.table import Cell
from gate.storage.row_values import BadRow

_YES_WORDS = "yes y true x 1 ja j wahr oui vrai o si sí s verdadero vero 是 对 √ ✓ ✔"
_NO_WORDS = "no n false 0 nein falsch non faux falso 否 - – ✗"
_YES, _NO = frozenset(_YES_WORDS.split()), frozenset(_NO_WORDS.split())
_STATUSES = {
    "normal": "valid active attending paid confirmed approved completed complete ok "
    "gültig bezahlt bestätigt valide payé confirmé válido pagado pagada confirmado valido pagato "
    "confermato 有效 正常 已支付 已付款",
    "consumed": "used redeemed checkedin entwertet eingelöst utilisé usado utilizzato 已使用 "
    "已核销",
    "revoked": "cancelled canceled void voided refunded notattending invalid storniert erstattet "
    "annulé remboursé cancelado cancelada anulado reembolsado annullato rimborsato 已取消 已退款 "
    "已退票 作废",
    "deleted": "gelöscht supprimé eliminado eliminato 已删除",
    "transferred": "übertragen transféré transferido trasferito 已转赠",
    "expired": "abgelaufen expiré caducado scaduto 已过期",
    "unpaid": "pending awaitingpayment open overdue unbezahlt offen impayé enattente impagado "
    "pendiente nonpagato insospeso 未支付 未付款 待支付",
    "unapproved": "awaitingapproval pendingapproval 待审核",
    "blocked": "gesperrt bloqué bloqueado bloccato 已冻结",
}
"""What other systems call a ticket's status, by our word; ours need no other."""
_STATUS_OF = {
    plain(word): status for status, words in _STATUSES.items() for word in (status, *words.split())
} | {plain(status.value): status.value for status in Status}
_COMES_WITH = re.compile(r"(.*\S)\s*\+\s*(\d{1,3})", re.DOTALL)
"""A name with how many come along: ``Ann Lee +2``."""


class Values:
    """The values of one file's cells."""

    def __init__(self, dates: Dates, *, is_spreadsheet: bool = True) -> None:
        self._dates = dates
        self._is_spreadsheet = is_spreadsheet
        self.mended = 0
        """Codes that were made whole."""
        self.numbers = 0
        """Codes that were kept as numbers: what stood before their first digit is gone."""

    def row(self, layout: Layout, cells: Sequence[Any]) -> dict[str, Any]:
        """A row's fields, those that are empty left out. Raises BadRow."""
        row: dict[str, Any] = {}
        for field, cell in zip(layout.fields, cells, strict=True):
            if field is None or cell is None or (isinstance(cell, str) and not cell.strip()):
                continue
            value = self._value(field, cell, layout)
            if value not in (None, ""):
                row[field.name] = value
        if not layout.is_types:
            _join_names(row)
            _count_people(row)
        return row

    def _value(self, field: Field, cell: Any, layout: Layout) -> Any:
        if not self._is_spreadsheet and not isinstance(cell, str):
            return cell  # JSON says what it means
        value: Any
        match field.value:
            case Value.CODE:
                value = self._code(cell)
            case Value.CODES:
                value = "|".join(self._code(part) for part in str(_text(cell)).split("|"))
            case Value.WHEN:
                value = self._when(cell)
            case Value.COUNT:
                value = _count(cell)
            case Value.FLAG:
                value = _flag(field.name, cell)
            case Value.STATUS:
                value = _status(str(cell))
            case Value.REMARK:
                value = _remark(str(cell), layout.headings[layout.fields.index(field)])
            case _:
                value = _text(cell)
        return value

    def _code(self, cell: Cell) -> str:
        if not self._is_spreadsheet:
            return checked(str(cell))
        self.numbers += isinstance(cell, (int, float))
        code, was_mended = mended(cell)
        self.mended += was_mended
        return code

    def _when(self, cell: Cell) -> int | str:
        return cell if isinstance(cell, int) else self._dates.stated(_text(cell))


def _text(cell: Any) -> Any:
    """A number of a workbook as people see it; dates and texts as they are."""
    if isinstance(cell, float):
        return str(int(cell)) if cell == int(cell) else str(cell)
    return str(cell) if isinstance(cell, (bool, int)) else cell


def _count(cell: Cell) -> str:
    text = str(_text(cell)).strip()
    return re.sub(r"(\d)[.,]0+", r"\1", text) if re.fullmatch(r"\d+[.,]0+", text) else text


def _flag(name: str, cell: Cell) -> bool:
    word = str(_text(cell)).strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise BadRow(_("{name}: {found!r} is neither yes nor no").format(name=name, found=word[:40]))


def _status(text: str) -> str:
    status = _STATUS_OF.get(plain(text))
    if status is None or status not in set(Status):
        raise BadRow(_("status {found!r} is not known").format(found=text[:40]))
    return status


def _remark(text: str, heading: str) -> str:
    word = text.strip().casefold()
    return heading if word in _YES else "" if word in _NO else text


def _join_names(row: dict[str, Any]) -> None:
    first, last = (str(row.pop(name, "")).strip() for name in (FIRST_NAME, LAST_NAME))
    if (first or last) and not row.get("holder"):
        # Chinese names begin with the family's, and nothing stands between.
        is_chinese = last[:1] >= "\u3400" and first[:1] >= "\u3400"
        row["holder"] = last + first if is_chinese else " ".join(filter(None, (first, last)))


def _count_people(row: dict[str, Any]) -> None:
    """Make of those who come along a ticket for all of them. Raises BadRow."""
    plus, people = (str(row.pop(name, "")).strip() for name in (PLUS, PEOPLE))
    holder = row.get("holder")
    if isinstance(holder, str) and not row.get("code") and (match := _COMES_WITH.fullmatch(holder)):
        row["holder"], plus = match[1], plus or match[2]
    if not people and (along := _along(plus)):
        people = str(1 + along)
    if people and people != "1":
        row.setdefault("party", people)
        row.setdefault("uses", people)


def _along(plus: str) -> int:
    word = plus.lstrip("+ ").casefold()
    if not word or word in _NO:
        return 0
    if word.isdecimal() and len(word) <= 3:
        return int(word)
    if word in _YES:
        return 1
    raise BadRow(_("{found!r} does not say how many come along").format(found=plus[:40]))
