"""What columns mean: every field of a list in one place, by the words that people head it with.

A heading is compared without case, accents, spaces and signs. The words are English, German,
French, Spanish, Italian and Chinese, and what pretix, Eventbrite, Ticket Tailor and Hi.Events call
their columns. Of two columns that mean the same the one with the earlier word counts.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from gate.errors import ImportFault, UsageError
from gate.i18n import _


class Value(Enum):
    """What kind of thing a cell holds; ``gate.lists.values`` reads each."""

    TEXT = auto()
    CODE = auto()
    CODES = auto()
    WHEN = auto()
    COUNT = auto()
    FLAG = auto()
    STATUS = auto()
    REMARK = auto()
    """A text, or yes and no under a heading that says what."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a list."""

    name: str
    value: Value
    words: tuple[str, ...]
    """Plain words (see ``plain``), the most certain first."""
    is_exact: bool = False
    """Whether only its own name, spelled so, means it: others use the words otherwise."""


def plain(heading: str) -> str:
    """A heading by its letters and digits alone."""
    signs = heading.replace("#", " no").replace("n°", "no").replace("N°", "no")
    letters = unicodedata.normalize("NFKD", signs).casefold()
    return "".join(letter for letter in letters if letter.isalnum())


def _field(name: str, value: Value, words: str = "", *, is_exact: bool = False) -> Field:
    plain_words = (plain(word) for word in (name, *words.split("|")))
    return Field(name, value, tuple(dict.fromkeys(filter(None, plain_words))), is_exact)


FIRST_NAME, LAST_NAME, PLUS, PEOPLE = "first_name", "last_name", "plus", "people"
"""Fields that become part of others: of the holder, and of how many people a ticket lets in."""

TICKET_FIELDS = (
    _field(
        "code", Value.CODE,
        "ticket code|ticket secret|secret|barcode|barcode number|barcode no|qr code|public id|"
        "ticket number|ticket no|ticketcode|strichcode|geheimnis|ticketnummer|ticket nr|"
        "code-barres|code barre|code du billet|code billet|numéro de billet|"
        "código|código de barras|código de entrada|código de boleto|código qr|"
        "codice|codice a barre|codice biglietto|codice qr|"
        "票码|门票码|二维码|条形码|条码|核销码|验票码|票号|编码",
    ),
    _field(
        "type", Value.TEXT,
        "ticket type|ticket type name|product name|product|ticket name|ticket|ticket category|"
        "category|ticketart|tickettyp|kartenart|ticketkategorie|kategorie|produkt|typ|art|"
        "type de billet|catégorie|produit|tarif|tipo de entrada|tipo de boleto|categoría|producto|"
        "tipo|tipologia biglietto|tipo di biglietto|categoria|prodotto|"
        "票种|票类|票型|门票类型|类型|产品|商品|description",
    ),
    _field("id", Value.TEXT, "ticket id|issued ticket id|attendee no|attendee id|attendee number"),
    _field(
        "holder", Value.TEXT,
        "attendee name|ticket holder name|ticket holder|full name|guest name|guest|participant|"
        "attendee|name|vollständiger name|teilnehmername|teilnehmer|gastname|gast|inhaber|besucher|"
        "nom complet|nom et prénom|nom du participant|titulaire|invité|nom|"
        "nombre completo|nombre y apellidos|titular|asistente|invitado|nombre|"
        "nome completo|nome e cognome|intestatario|partecipante|ospite|invitato|nome|"
        "姓名|名字|持票人|嘉宾|来宾|参会人|观众|客人",
    ),
    _field(
        FIRST_NAME, Value.TEXT,
        "attendee first name|given name|attendee name: given name|vorname|prénom|"
        "nombre de pila|名",
    ),
    _field(
        LAST_NAME, Value.TEXT,
        "attendee last name|surname|family name|attendee name: family name|nachname|"
        "familienname|nom de famille|apellidos|apellido|cognome|姓",
    ),
    _field(
        PLUS, Value.COUNT,
        "plus ones|plus one|+|additional guests|extra guests|companions|begleitung|"
        "begleitpersonen|accompagnants|accompagnateurs|acompañantes|accompagnatori|"
        "同行人数|随行人数|携伴人数",
    ),
    _field(
        PEOPLE, Value.COUNT,
        "persons|number of people|quantity|qty|anzahl|personen|personenzahl|"
        "nombre de personnes|quantité|cantidad|personas|quantità|persone|人数|数量|张数",
    ),
    _field("party", Value.COUNT),
    _field("uses", Value.COUNT, "number of uses"),
    _field("issue", Value.COUNT, is_exact=True),
    _field(
        "status", Value.STATUS,
        "ticket status|attendee status|statut|estado|stato|状态|票状态",
    ),
    _field("status_note", Value.TEXT, "status reason"),
    _field("issued_at", Value.WHEN, "issued at|created date|created at|ausgestellt am|出票时间"),
    _field("claimed_at", Value.WHEN, "claimed at"),
    _field("gifted_at", Value.WHEN, "gifted at"),
    _field(
        "begin_time", Value.WHEN,
        "valid from|gültig ab|gültig von|valable du|valable à partir du|válido desde|valido dal|"
        "生效时间|有效期开始",
    ),
    _field(
        "end_time", Value.WHEN,
        "valid until|valid to|valid till|expires|expiry date|gültig bis|valable jusqu'au|"
        "válido hasta|valido fino al|失效时间|有效期至|有效期结束",
    ),
    _field("zone", Value.TEXT, "bereich|zona|区域"),
    _field("entrance", Value.TEXT, "eingang|入口"),
    _field(
        "seats", Value.TEXT,
        "seat|seat name|sitzplatz|sitz|platz|siège|place|asiento|butaca|posto|座位号|座位",
    ),
    _field("ticket_class", Value.TEXT, "class|klasse|classe|clase|等级"),
    _field("show_time", Value.WHEN, "vorstellung|séance|función|放映时间|场次时间"),
    _field("duration", Value.COUNT, "dauer|durée|duración|durata|时长"),
    _field("screening_room", Value.TEXT, "hall|saal|salle|sala|影厅"),
    _field("travel_class", Value.TEXT, "cabin|舱位"),
    _field("checked_in", Value.FLAG, is_exact=True),
    _field("gate", Value.TEXT, "登机口"),
    _field("boarding_time", Value.WHEN, "登机时间"),
    _field("attention", Value.REMARK, "requires special attention|hinweis|提醒"),
    _field(
        "note", Value.TEXT,
        "notes|notiz|notizen|bemerkung|anmerkung|remarque|remarques|observaciones|nota|"
        "备注",
    ),
    _field(
        "order", Value.TEXT,
        "order code|order no|order id|order number|bestellnummer|bestell nr|bestellung|"
        "numéro de commande|commande|número de pedido|pedido|numero ordine|ordine|订单号|订单",
    ),
    _field("answers", Value.TEXT, is_exact=True),
    _field("rotating_keys", Value.TEXT, "rotating key|totp key|totp secret"),
    _field("qrcode_data", Value.CODE),
    _field("other_codes", Value.CODES),
    _field("old_codes", Value.CODES),
)  # fmt: skip
"""Fields of a ticket, and those that become part of them."""

TYPE_FIELDS = (
    _field("kind", Value.TEXT, is_exact=True),
    _field("id", Value.TEXT),
    _field("title", Value.TEXT, "name|titel|bezeichnung|titre|nom|título|nombre|titolo|nome|名称"),
    _field("event", Value.TEXT, "veranstaltung|événement|evento|活动"),
    _field("time_zone", Value.TEXT, "zeitzone|fuseau horaire|zona horaria|fuso orario|时区"),
    _field("begin", Value.WHEN, "start|valid from|beginn|gültig ab|début|inicio|inizio|开始时间"),
    _field("end", Value.WHEN, "valid until|ende|gültig bis|fin|fine|结束时间"),
    _field("term_days", Value.COUNT),
    _field("term_starts_after_days", Value.COUNT),
    _field("weekly", Value.TEXT, "opening hours|öffnungszeiten|horaires|horario|orari|开放时间"),
    _field("locations", Value.TEXT),
    _field("use_limit", Value.COUNT, "uses"),
    _field("party_size", Value.COUNT, "people|persons|personen|人数"),
    _field("attention", Value.REMARK),
    _field("ask", Value.TEXT),
    _field("rule", Value.TEXT, is_exact=True),
    _field("product", Value.TEXT, is_exact=True),
    _field("variation", Value.TEXT, is_exact=True),
    _field("occasion_from", Value.WHEN),
    _field("occasion_to", Value.WHEN),
    _field("occasion_admission", Value.WHEN),
    _field("ticket_class", Value.TEXT, "class|klasse|classe|clase|等级"),
    _field("rotating", Value.TEXT, is_exact=True),
    _field("rotating_period_ms", Value.COUNT, is_exact=True),
    _field("rotating_digits", Value.COUNT, is_exact=True),
    _field("flight", Value.TEXT, "航班"),
    _field("origin", Value.TEXT),
    _field("destination", Value.TEXT),
    _field("departure_time", Value.WHEN),
    _field("landing_time", Value.WHEN),
    _field("gate", Value.TEXT, "登机口"),
    _field("boarding_time", Value.WHEN, "登机时间"),
    _field("air_model", Value.TEXT),
)
"""Fields of a ticket type."""

NO_COLUMN = "-"
"""Stated for a field that no column is."""
KIND = "kind"
"""The field that only a ticket type has."""
_LAST_OR_FULL = frozenset({"name", "nom"})
_FIRST_OR_FULL = frozenset({"nombre", "nome"})
"""Headings of a whole name, or of the half that has no column of its own."""


class Layout(NamedTuple):
    """What the columns of a table mean."""

    fields: tuple[Field | None, ...]
    """The field of each column; ``None`` for one that is left out."""
    headings: tuple[str, ...]
    is_types: bool
    """Whether its rows are ticket types."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """Headings that were not understood."""
        columns = zip(self.headings, self.fields, strict=True)
        return tuple(heading for heading, field in columns if heading and field is None)

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields that it has."""
        return frozenset(field.name for field in self.fields if field is not None)

    @property
    def says_who(self) -> bool:
        """Whether a row says what it is of: a ticket type, a code or a person."""
        return self.is_types or bool(self.names & {"code", "holder", FIRST_NAME, LAST_NAME})


def understand(headings: Sequence[str], stated: Mapping[str, str]) -> Layout:
    """What the columns mean. ``stated`` has the headings that somebody named, by field.

    Raises ImportFault where two columns are headed alike and mean something.
    """
    shown = tuple(heading.strip() for heading in headings)
    is_types = any(heading.casefold() == KIND for heading in shown) or any(
        stated.get(KIND, "").casefold() == heading.casefold() for heading in shown if heading
    )
    known = TYPE_FIELDS if is_types else TICKET_FIELDS
    words = [plain(heading) for heading in shown]
    found: dict[int, Field] = {}
    for field in known:
        column = _column_of(field, shown, words, stated, taken=found)
        if column is not None:
            found[column] = field
    _check_twice(shown, words, found)
    if not is_types:
        found = _with_halves(found, words)
    return Layout(tuple(found.get(n) for n in range(len(shown))), shown, is_types)


def _column_of(
    field: Field,
    headings: Sequence[str],
    words: Sequence[str],
    stated: Mapping[str, str],
    *,
    taken: Mapping[int, Field],
) -> int | None:
    named = stated.get(field.name)
    if named == NO_COLUMN:
        return None
    if named:
        wanted = [heading.casefold() for heading in headings]
        return wanted.index(named.casefold()) if named.casefold() in wanted else None
    claimed = {plain(heading) for heading in stated.values()}
    if field.is_exact:
        shown = [heading.casefold() for heading in headings]
        return shown.index(field.name) if field.name in shown else None
    for word in field.words:
        if word in words and word not in claimed and words.index(word) not in taken:
            return words.index(word)
    return None


def _check_twice(headings: Sequence[str], words: Sequence[str], found: Mapping[int, Field]) -> None:
    counted = Counter(words)
    for column, field in found.items():
        if counted[words[column]] > 1 and not field.is_exact:
            raise ImportFault(
                _("two columns have the same name: {name}").format(name=headings[column]),
                _("Rename one of them."),
            )


def _with_halves(found: Mapping[int, Field], words: Sequence[str]) -> dict[int, Field]:
    """Take a bare "Nom" beside "Prénom" for the last name, a bare "Nome" beside "Cognome"."""
    fields = {field.name: field for field in TICKET_FIELDS}
    names = {field.name for field in found.values()}
    made = dict(found)
    for column, field in found.items():
        if field.name != "holder":
            continue
        if FIRST_NAME in names and LAST_NAME not in names and words[column] in _LAST_OR_FULL:
            made[column] = fields[LAST_NAME]
        if LAST_NAME in names and FIRST_NAME not in names and words[column] in _FIRST_OR_FULL:
            made[column] = fields[FIRST_NAME]
    return made


def stated_columns(pairs: Sequence[str]) -> dict[str, str]:
    """What ``--map holder="Full name"`` states, by field; ``-`` is no column. Raises UsageError."""
    known = {field.name for field in (*TICKET_FIELDS, *TYPE_FIELDS)}
    stated = {}
    for pair in pairs:
        name, equals, heading = pair.partition("=")
        if not equals or not heading.strip() or name.strip() not in known:
            raise UsageError(
                _("--map {pair}: a field is one of {names}").format(
                    pair=pair[:80], names=", ".join(sorted(known))
                ),
                _('Like this: --map holder="Full name"'),
            )
        stated[name.strip()] = heading.strip()
    return stated
