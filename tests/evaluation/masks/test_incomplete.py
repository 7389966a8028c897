"""Who drew what: what an incomplete design may lack, and what no design may."""

import pytest

from evaluation.masks.incomplete import match_incomplete
from evaluation.masks.reading import MaskError

READERS = ["anna", "ben", "carl"]


def drawn(**exams: str) -> dict[str, dict[str, str]]:
    """Rater to exams, a letter each."""
    return {rater: dict.fromkeys(names, "") for rater, names in exams.items()}


def test_readers_may_lack_exams() -> None:
    masks = drawn(anna="ab", ben="bc", carl="d", net="abcd")
    assert match_incomplete(masks, READERS) == ["a", "b", "c", "d"]
    assert match_incomplete(masks, READERS, ["d", "c", "b", "a"]) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("masks", "exams", "words"),
    [
        (
            drawn(anna="ab", ben="bc", carl="c", net="ab"),
            None,
            "exams: net: missing c; expected of every model",
        ),
        (
            drawn(anna="ab", ben="bc", carl="c", net="a", unet="abcz"),
            None,
            "found\n  net: missing b, c\n  unet: extra z$",
        ),
        (
            drawn(anna="ab", ben="b", carl="b", net="abc"),
            list("abc"),
            "c: no reader drew it; .* of cohort.csv",
        ),
        (drawn(anna="abz", ben="b", carl="b", net="ab"), list("ab"), "exams: anna: extra z"),
        (
            drawn(anna="a", ben="b", carl="cd", net="abcd"),
            None,
            "exams: found no two of the readers anna, ben, carl who drew one exam, expected some",
        ),
    ],
)
def test_what_no_design_may_lack(masks: dict, exams: list[str] | None, words: str) -> None:
    with pytest.raises(MaskError, match=words):
        match_incomplete(masks, READERS, exams)


def test_one_reader_alone_needs_no_other() -> None:
    assert match_incomplete(drawn(anna="ab", net="ab"), ["anna"]) == ["a", "b"]
