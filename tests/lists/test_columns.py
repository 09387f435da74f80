"""What columns mean: in any case, in six languages, as other systems or somebody calls them."""

import pytest

from gate.errors import ImportFault, UsageError
from gate.lists import columns
from gate.lists.columns import TICKET_FIELDS, TYPE_FIELDS, plain, stated_columns, understand
from gate.storage.ticket_rows import TicketRow, TypeRow


def meant(*headings: str, **stated: str) -> list[str | None]:
    layout = understand(headings, stated)
    return [field.name if field else None for field in layout.fields]


@pytest.mark.parametrize(
    ("headings", "fields"),
    [
        (("Code", "TYPE", "Holder"), ["code", "type", "holder"]),
        (("Bar-Code", "Ticket Type", "Full name"), ["code", "type", "holder"]),
        (("Ticketcode", "Ticketart", "Gültig bis"), ["code", "type", "end_time"]),
        (("Vorname", "Name", "QR-Code"), ["first_name", "last_name", "code"]),
        (("Code-barres", "Type de billet", "Prénom", "Nom"),
         ["code", "type", "first_name", "last_name"]),
        (("Código de barras", "Tipo", "Nombre", "Apellidos"),
         ["code", "type", "first_name", "last_name"]),
        (("Codice a barre", "Tipologia biglietto", "Nome", "Cognome"),
         ["code", "type", "first_name", "last_name"]),
        (("Código", "Nombre"), ["code", "holder"]),
        (("票码", "票种", "姓名", "有效期至"), ["code", "type", "holder", "end_time"]),
        (("Attendee #", "Order #", "Barcode #"), ["id", "order", "code"]),
        (("Gast", "Begleitung", "Personen"), ["holder", "plus", "people"]),
        (("code", "colour", "phone"), ["code", None, None]),
        (("Checked in", "checked_in", "code"), [None, "checked_in", "code"]),
    ],
)  # fmt: skip
def test_words_are_understood(headings: tuple[str, ...], fields: list[str | None]) -> None:
    """What people and systems head their columns with."""
    assert meant(*headings) == fields


def test_what_is_not_understood_is_listed() -> None:
    """It is left out, and is no error."""
    layout = understand(["code", "Phone", ""], {})
    assert layout.left_out == ("Phone",)


def test_a_column_can_be_named() -> None:
    """--map beats every word, in any case, and takes the column from the word's field."""
    assert meant("code", "Name", "Wer", holder="wer") == ["code", None, "holder"]
    assert meant("Name", "code", status_note="Name") == ["status_note", "code"]
    assert meant("code", "Description") == ["code", "type"]
    assert meant("code", "Description", type="-") == ["code", None]
    assert stated_columns(["holder=Full name", "code = X "]) == {"holder": "Full name", "code": "X"}
    for wrong in ("holder", "colour=x", "holder="):
        with pytest.raises(UsageError, match="a field is one of"):
            stated_columns([wrong])


def test_two_columns_of_one_name_are_a_mistake_only_if_they_mean_something() -> None:
    """Exports have two "Company"; two "Code" cannot be told apart."""
    assert meant("code", "Company", "Company") == ["code", None, None]
    with pytest.raises(ImportFault, match="same name: Code"):
        understand(["Code", "code"], {})


def test_every_field_of_a_row_has_a_column() -> None:
    """The table lists the fields of tickets and types, all of them, each once."""
    tickets = [field.name for field in TICKET_FIELDS]
    made_of_others = {"first_name", "last_name", "plus", "people"}
    assert set(tickets) - made_of_others == set(TicketRow.__struct_fields__)
    assert {field.name for field in TYPE_FIELDS} == set(TypeRow.__struct_fields__)
    assert len(tickets) == len(set(tickets))


@pytest.mark.parametrize("fields", [TICKET_FIELDS, TYPE_FIELDS])
def test_no_word_means_two_things(fields: tuple[columns.Field, ...]) -> None:
    """Whichever came first would be a guess."""
    words = [word for field in fields for word in field.words if not field.is_exact]
    assert sorted(word for word in set(words) if words.count(word) > 1) == []


def test_headings_are_compared_by_letters() -> None:
    """Case, accents, spaces and signs do not count; a number sign does."""
    assert plain(" Numéro de  Billet* ") == "numerodebillet"
    assert plain("Order #") == plain("order no.") == "orderno" != plain("Order")
