"""Words are marked where they first stand in a page's text, and nowhere else."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from bmseg.pages import environment
from bmseg.pages.glossary import GLOSSARY, Glossed, as_markdown, glossed

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "glossary.md"


def marked(html: str) -> list[str]:
    return re.findall(r"<abbr [^>]*>([^<]*)</abbr>", html)


def test_a_word_is_marked_once_a_page() -> None:
    gloss = Glossed()
    assert marked(gloss("Dice and NSD; Dice again")) == ["Dice", "NSD"]
    assert marked(gloss("HD95 and dice, NSD")) == ["HD95"]


def test_templates_have_it_at_hand() -> None:
    page = environment().from_string("{% set gloss = Glossed() %}{{ gloss(text) }} {{ gloss(text) }}")
    assert marked(page.render(text="fair <Dice>")) == ["fair", "Dice"]
    assert "&lt;" in page.render(text="fair <Dice>")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the median reader", ["median reader"]),
        ("Reader 1 on Level 3", []),
        ("a map of icc", []),
        ("NSDs, unfair, Holmes, re-audit", []),
        ("consensuses", ["consensuses"]),
        (Markup('<a href="#dice" title="Dice">Dice</a> <b title="NSD">Holm</b>'), ["Holm"]),
        (Markup("<svg><text>Dice</text></svg><code>NSD</code>"), []),
        ("<b>Dice</b> & more", ["Dice"]),
    ],
)
def test_what_is_marked(text: str, words: list[str]) -> None:
    assert marked(glossed(text)) == words


@given(st.text(max_size=60) | st.sampled_from([term.name for term in GLOSSARY]))
def test_nothing_else_of_a_text_changes(text: str) -> None:
    assert unescape(re.sub(r"</?abbr[^>]*>", "", glossed(text))) == text


def test_every_word_once_and_in_a_sentence_of_words_that_are_not_markup() -> None:
    words = [word.lower() for term in GLOSSARY for word in (term.name, *term.also)]
    assert len(set(words)) == len(words)
    for term in GLOSSARY:
        assert term.meaning.endswith(".") and not set(term.meaning) & set('|<>&"')


def test_the_documentation_has_the_same_list() -> None:
    assert DOCS.read_text(encoding="utf-8") == as_markdown(), (
        "write docs/reference/glossary.md from as_markdown()"
    )
