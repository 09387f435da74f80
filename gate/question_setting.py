"""An event's questions as they are stated, in JSON or as its text: checked when they are stated."""

import msgspec

from gate.core.question import MOST_BYTES, BadQuestionsError, parse
from gate.i18n import _

EXAMPLE = '[{"id": "meal", "text": "Which meal?", "kind": "choice", "options": [{"id": "soup"}]}]'


class BadQuestionsSettingError(ValueError):
    """What is wrong with them, in one line for whoever states them."""


def checked(stated: object) -> str:
    """The text of questions that can be read. Raises BadQuestionsSettingError."""
    text = stated.strip() if isinstance(stated, str) else msgspec.json.encode(stated).decode()
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        message = _("questions: at most {n} KiB")
        raise BadQuestionsSettingError(message.format(n=MOST_BYTES // 1024))
    try:
        parse(text)
    except BadQuestionsError as error:
        message = _("questions: {part}; like this: {example}")
        raise BadQuestionsSettingError(
            message.format(part=error.args[0], example=EXAMPLE)
        ) from error
    return text
