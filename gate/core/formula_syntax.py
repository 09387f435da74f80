"""What may stand where in a rule. Nothing is guessed: what is not here is not of the language."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, time
from functools import lru_cache

from gate.core.formula import COMPARISONS, COUNTS, JOINS, VARIABLES, Node, split

MOST_BYTES = 16 * 1024
"""Of one rule, as JSON."""
_DEEPEST = 30
_GREATEST = 10**9
_LIST = "objectList"
_READ: Mapping[str, Callable[[str], object]] = {
    "custom": datetime.fromisoformat,
    "customtime": time.fromisoformat,
}
_MOMENTS = (*_READ, "date_from", "date_to", "date_admission")


class BadFormulaError(ValueError):
    """What is no rule; ``args[0]`` is the part of it that is not."""


class UnknownWordError(BadFormulaError):
    """A word that is not of the language, as this program knows it; ``args[0]`` is the word."""


@lru_cache(maxsize=64)
def parse(text: str) -> Node:
    """A rule as ``meets`` takes it; empty where it says nothing. Raises BadFormulaError."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise BadFormulaError(text[:40])
    try:
        node = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadFormulaError(text[:40]) from error
    if node in ({}, {"and": []}, {"or": []}):
        return {}
    if not isinstance(node, dict):
        raise BadFormulaError(text[:40])
    _check_condition(node, 0)
    return node


def _check_condition(node: Node, depth: int) -> None:
    if isinstance(node, bool):
        return
    word, arguments = _operator(node, depth)
    if word in JOINS:
        for one in arguments:
            _check_condition(one, depth + 1)
        return
    if word not in COMPARISONS:
        raise UnknownWordError(word)
    most = {"isBefore": 3, "isAfter": 3, "<": 9, "<=": 9}.get(word, 2)
    _need(2 <= len(arguments) <= most, node)
    if word in ("isBefore", "isAfter"):
        for one in arguments[:2]:
            _check_time(one, depth + 1)
        _need(all(map(_is_tolerance, arguments[2:])), node)
        return
    _check_value(arguments[0], depth + 1)
    check_rest = _check_list if word == "inList" else _check_value
    for one in arguments[1:]:
        check_rest(one, depth + 1)


def _check_value(node: Node, depth: int) -> None:
    if isinstance(node, int | float | str | None) and not isinstance(node, bool):
        _need(not isinstance(node, int | float) or abs(node) <= _GREATEST, node)
        return
    word, arguments = _operator(node, depth)
    if word == "var":
        _need(len(arguments) == 1 and isinstance(arguments[0], str), node)
        if arguments[0] not in VARIABLES:
            raise UnknownWordError(arguments[0])
        _need(arguments[0] != "now", node)
    elif word in COUNTS:
        _need(len(arguments) == 1 and isinstance(arguments[0], dict), node)
        _check_time(arguments[0], depth + 1, may_be_now=False)
    elif word == "lookup":
        is_plain = all(isinstance(one, str | int) for one in arguments)
        _need(2 <= len(arguments) <= 3 and is_plain, node)
    else:
        raise UnknownWordError(word)


def _check_list(node: Node, depth: int) -> None:
    elements = node
    if not isinstance(node, list):
        word, elements = _operator(node, depth)
        if word != _LIST:
            raise UnknownWordError(word)
    for one in elements:
        _check_value(one, depth + 1)
        # A list as JSON has it is no place for what is still to be worked out.
        _need(elements is not node or not isinstance(one, dict), node)


def _check_time(node: Node, depth: int, *, may_be_now: bool = True) -> None:
    word, arguments = _operator(node, depth)
    if word not in ("var", "buildTime"):
        raise UnknownWordError(word)
    if word == "var":
        _need(may_be_now and arguments == ["now"], node)
        return
    kind = arguments[0] if arguments else ""
    _need(isinstance(kind, str), node)
    if kind not in _MOMENTS:
        raise UnknownWordError(kind)
    _need(kind not in _READ or len(arguments) > 1, node)
    if kind in _READ:
        try:
            _READ[kind](arguments[1])
        except (TypeError, ValueError) as error:
            raise BadFormulaError(str(arguments[1])[:40]) from error


def _operator(node: Node, depth: int) -> tuple[str, list[Node]]:
    _need(isinstance(node, dict) and len(node) == 1 and depth <= _DEEPEST, node)
    return split(node)


def _is_tolerance(stated: Node) -> bool:
    try:
        return stated is None or abs(float(stated)) <= _GREATEST
    except (TypeError, ValueError, OverflowError):
        return False


def _need(is_fine: object, node: Node) -> None:
    if not is_fine:
        raise BadFormulaError(json.dumps(node)[:40])


def _no_number(text: str) -> None:
    """NaN and the infinities, which Python writes and JSON does not have."""
    raise BadFormulaError(text)
