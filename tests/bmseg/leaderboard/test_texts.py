"""Names and texts of teams: what is refused, and that all of it is said at once."""

from __future__ import annotations

import time

import pytest

from bmseg.errors import InputError
from bmseg.leaderboard.texts import check_about, check_reason, check_team
from bmseg.untrusted.listing import shown

RESERVED = ["R1", "R2", "consensus"]


def refusal_of_team(name: str) -> str:
    with pytest.raises(InputError) as caught:
        check_team(name, ["Oslo", "Bergen"], RESERVED)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    return str(caught.value)


def refusal(title: str = "", method: str = "", description: str = "", url: str = "") -> str:
    with pytest.raises(InputError) as caught:
        check_about(title, method, description, url)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    return str(caught.value)


@pytest.mark.parametrize("name", ["Oslo", "a", "team-7", "Deep_Knee.v2", "7", "x" * 40])
def test_names_that_are_taken(name: str) -> None:
    check_team(name, ["Oslo", "Bergen"], RESERVED)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        'a" onmouseover="x',
        "a'b",
        "a b",
        "two\nlines",
        "Oslo\n",
        "nul\0",
        "\u202eolso",
        "Osl\u043e",  # a Cyrillic letter
        "Os\u200blo",
        "../Oslo",
        "a/b",
        "a\\b",
        "..",
        ".",
        ".hidden",
        "a..b",
        "a.",
        "-rf",
        "_a",
        "C:",
        "",
        "{{7*7}}",
        "\x1b[2J",
        "\ud800",
    ],
)
def test_names_that_are_no_folder_names(name: str) -> None:
    assert "expected letters A to Z, digits, and - _ . between them" in refusal_of_team(name)


@pytest.mark.parametrize("name", ["con", "NUL", "aux.x", "Com1", "lpt9.nii"])
def test_names_that_systems_reserve(name: str) -> None:
    assert "found a name that some systems reserve" in refusal_of_team(name)


@pytest.mark.parametrize("name", ["R1", "r2", "Consensus"])
def test_names_of_the_board(name: str) -> None:
    assert "found a name that the board uses itself" in refusal_of_team(name)


def test_a_name_that_differs_by_case() -> None:
    assert "found a name that differs from team Oslo by case only" in refusal_of_team("OSLO")


def test_a_million_characters() -> None:
    start = time.process_time()
    long = "a" * 1_000_000
    assert "found 1000000 characters, expected 1 to 40" in refusal_of_team(long)
    message = refusal(long, long, long, "https://" + long)
    assert message.count("found 1000") == 4
    assert time.process_time() - start < 1


def test_texts_that_are_taken() -> None:
    check_about("", "", "", "")
    check_about(
        "nnU-Net, 5 folds; Dice > 0.7 & p < 0.05",
        "Réseau “U” – 二次元",
        "First line\nمی‌خواهم\n3 <4 and x<0.5",
        "https://example.org:8080/a/b.html?x=1&y=%20#c",
    )
    check_about("a", "b", "", "http://xn--bcher-kva.example")
    check_reason("")
    check_reason("the team asked for it")


@pytest.mark.parametrize("markup", ["<script>alert(1)</script>", "< img src=x>", "</td>", "<!--", "<?php"])
def test_markup(markup: str) -> None:
    for field in ("title", "method", "description"):
        message = refusal(**{field: f"our method {markup}"})
        assert f"{field}: found markup" in message
    with pytest.raises(InputError, match="reason: found markup"):
        check_reason(markup)


@pytest.mark.parametrize(
    "mark", ["\0", "\x1b", "\r", "\t", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ufeff", "\ud800"]
)
def test_control_characters(mark: str) -> None:
    code = f"U+{ord(mark):04X}"
    assert (
        refusal(description=f"a{mark}b")
        == f"submission: description: found {code}, expected no control characters"
    )
    assert f"title: found {code}, expected no control characters or line breaks" in refusal(title=f"a{mark}b")


def test_a_line_break_where_one_line_stands() -> None:
    assert "method: found U+000A" in refusal(method="a\nb")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.org",
        "//example.org",
        "example.org",
        "https:",
        "https://",
        "https:///path",
        "https://example.org@evil.example/",
        "https://user:secret@example.org",
        'https://example.org/"onclick="x',
        "https://example.org/'x",
        "https://example.org/<b>",
        "https://example.org/a b",
        "https://example.org/\n",
        " https://example.org",
        "https://ex\u0430mple.org",
        "https://example.org\\@evil",
        "https://example.org:port/",
        "https://[::1",
        "\x1b[2J",
    ],
)
def test_urls(url: str) -> None:
    assert "url: found '" in refusal(url=url)


def test_every_fault_is_said_at_once() -> None:
    message = refusal("<b>", "\0", "x" * 3000, "ftp://x")
    assert [part.split(":")[0] for part in message.removeprefix("submission: ").split("; ")] == [
        "title",
        "method",
        "description",
        "url",
    ]
    both = refusal_of_team("/" * 41)
    assert "found 41 characters" in both
    assert "expected letters" in both


def test_shown() -> None:
    assert shown("Réseau 二.nii.gz") == "Réseau 二.nii.gz"
    assert shown("a\\b\n\ud800\u202e") == r"a\\b\n\ud800\u202e"
    assert shown("x" * 1000) == "x" * 159 + "…"
