"""The kinds of column that nearly every table is made of."""

from sqlalchemy import BigInteger, Column, Text
from sqlalchemy.dialects import postgresql


def text(name: str, *, key: bool = False) -> Column[str]:
    """A text, never absent."""
    return Column(name, Text, primary_key=key, nullable=False)


def number(name: str, *, key: bool = False) -> Column[int]:
    """A whole number of 64 bits, never absent and never counted up by the database."""
    return Column(name, BigInteger, primary_key=key, nullable=False, autoincrement=False)


def ordered_text(name: str, *, key: bool = False) -> Column[str]:
    """A text, never absent, that is compared by its bytes whatever language the database is in."""
    kind = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    return Column(name, kind, primary_key=key, nullable=False)
