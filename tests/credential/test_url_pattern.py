"""Addresses as tickets: the event says which part is the code, and nothing else of it counts."""

import os
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.config import is_value
from gate.credential import url_pattern
from gate.credential.url_pattern import spellings

PATH = "https://tickets.example/t/{code}"
QUERY = "weixin://card/show?kind=1&id={code}"
FRAGMENT = "https://tickets.example/app#t={code}"
EXAMPLES = int(os.environ.get("GATE_TEST_EXAMPLES", "12"))

FITTING = [
    (PATH, "https://tickets.example/t/K7-1", "K7-1"),
    (PATH, "http://TICKETS.example/t/K7-1", "K7-1"),
    (PATH, "HTTPS://tickets.example/t/K7-1/?utm_source=x#top", "K7-1"),
    (PATH, "https://tickets.example/t/K7%201", "K7 1"),
    (QUERY, "weixin://card/show?id=99&kind=1", "99"),
    (QUERY, "weixin://card/show?kind=1&id=9%2B9&more=2", "9+9"),
    (FRAGMENT, "https://tickets.example/app#t=55", "55"),
    ("https://x.example/?{code}", "https://x.example/?ABC", "ABC"),
    ("https://x.example/{code}/in", "https://x.example/ABC/in/", "ABC"),
    ("https://x.example/t?v=2&c={code}", "https://x.example/t?c=A&v=2", "A"),
]


@pytest.mark.parametrize(("pattern", "text", "code"), FITTING)
def test_code_of_an_address(pattern: str, text: str, code: str) -> None:
    """The code is what stands in its place, decoded; the address in full may be listed too."""
    assert spellings(text, (pattern,))[0] == code
    in_full = pattern.replace("{code}", quote(code, safe=""))
    assert {*spellings(text, (pattern,))} | {text} == {code, in_full, text}


OTHERS = [
    (PATH, "https://tickets.example.evil/t/K7"),
    (PATH, "https://tickets.example@evil.example/t/K7"),
    (PATH, "https://evil.example/https://tickets.example/t/K7"),
    (PATH, "https://tickets.example:444/t/K7"),
    (PATH, "https://tickets.example/t/"),
    (PATH, "https://tickets.example/t/K7/x"),
    (PATH, "https://tickets.example/T/K7"),
    (PATH, "ftp://tickets.example/t/K7"),
    (PATH, "K7"),
    (PATH, "https://[::1/t/K7"),
    (QUERY, "weixin://card/show?id=99"),
    (QUERY, "weixin://card/show?kind=1&id=1&id=2"),
    (QUERY, "weixin://card/other?kind=1&id=1"),
    (FRAGMENT, "https://tickets.example/app#u=55"),
    ("https://x.example/{code}/in", "https://x.example/A/B/in"),
    ("https://x.example/ab{code}ba", "https://x.example/aba"),
]


@pytest.mark.parametrize(("pattern", "text"), OTHERS)
def test_another_address(pattern: str, text: str) -> None:
    """Another host, way or kind of address, none, or two codes in one: no code is taken out."""
    assert spellings(text, (pattern,)) == ()


@pytest.mark.parametrize(
    ("pattern", "is_good"),
    [
        (PATH, True), (QUERY, True), (FRAGMENT, True), ("https://x.example/?{code}", True),
        ("https://{code}/x", False), ("https://x.example/", False), ("{code}", False),
        ("https://x.example/{code}/{code}", False), ("https://x.example/{other}", False),
    ],
)  # fmt: skip
def test_patterns_that_can_be_stated(pattern: str, is_good: bool) -> None:
    """A pattern is an address that has the code once, behind its host."""
    assert is_value("codes.urls", [pattern]) == is_good


@settings(max_examples=EXAMPLES * 20, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="ht:/ps.example?#&=%1", max_size=60))
def test_any_text(text: str) -> None:
    """No text breaks it."""
    spellings(text, (PATH, QUERY, FRAGMENT))


@settings(max_examples=EXAMPLES * 20, deadline=None)
@given(st.text(min_size=1, max_size=20).filter(lambda code: "\x01" not in code and code.strip()))
def test_every_code_comes_back(code: str) -> None:
    """Whatever a code is made of, its address has it in it."""
    text = PATH.replace("{code}", quote(code, safe=""))
    assert spellings(text, (PATH,))[0] == code


def test_mutation_any_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the host not looked at, anybody's address would be a ticket."""
    monkeypatch.setattr(url_pattern, "_where", lambda address: address.scheme)
    with pytest.raises(AssertionError):
        test_another_address(*OTHERS[0])
