"""An organiser's rule as it is stated, in JSON or as its text: checked when it is stated."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gate.core.formula_syntax import MOST_BYTES, BadFormulaError, UnknownWordError, parse
from gate.i18n import _


class BadRuleError(ValueError):
    """What is wrong with a rule, in one line for whoever states it."""


def text_of(stated: str | Mapping[str, Any]) -> str:
    """A rule as it is kept: its text. Raises BadRuleError where it is too long."""
    text = stated.strip() if isinstance(stated, str) else msgspec.json.encode(stated).decode()
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise BadRuleError(_("rule: at most {n} KiB").format(n=MOST_BYTES // 1024))
    return text


def checked(stated: str | Mapping[str, Any], *, may_be_newer: bool = False) -> str:
    """The text of a rule that can be read. Raises BadRuleError.

    ``may_be_newer``: another system has checked it, which may know words that this program does
    not. Those make every ticket a WAIT, and are no mistake of whoever passes the rule on.
    """
    text = text_of(stated)
    try:
        parse(text or "{}")
    except UnknownWordError as error:
        if not may_be_newer:
            message = _("rule: {word!r} is no word of rules here")
            raise BadRuleError(message.format(word=error.args[0])) from error
    except BadFormulaError as error:
        message = _("rule: {part!r} is no rule; like this: {example}")
        example = '{"<": [{"var": "entries_number"}, 3]}'
        raise BadRuleError(message.format(part=error.args[0], example=example)) from error
    return text
