"""The two kinds of column that nearly every table is made of."""

from sqlalchemy import BigInteger, Column, Text


def text(name: str, *, key: bool = False) -> Column[str]:
    """A text, never absent."""
    return Column(name, Text, primary_key=key, nullable=False)


def number(name: str, *, key: bool = False) -> Column[int]:
    """A whole number of 64 bits, never absent and never counted up by the database."""
    return Column(name, BigInteger, primary_key=key, nullable=False, autoincrement=False)
