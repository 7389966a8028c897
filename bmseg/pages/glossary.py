"""Words that pages and documents use, each in a sentence: a reader may know Dice and none of the others.

One list for both: pages mark a word where it first stands (`glossed`), and docs/reference/glossary.md is
this list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Term:
    """A word, what it means, and how else it is written."""

    name: str
    meaning: str
    #: Other spellings, and words that mean the same.
    also: tuple[str, ...] = ()


GLOSSARY = (
    Term(
        "Dice",
        "Twice what two masks have in common, divided by what both hold: 1 where they are the same, 0 where "
        "they share nothing, undefined where both are empty.",
    ),
    Term("rater", "A reader or a model: whoever's masks are scored.", ("raters",)),
    Term("reader", "A person who drew the masks, such as a radiologist."),
    Term(
        "median reader",
        "Nobody in person: in each exam the median of the readers' scores. It is steadier than any one "
        "reader.",
    ),
    Term(
        "level",
        "A grade of a signal, the higher the stronger: 1, 2, 3. Labels without an order are no levels.",
    ),
    Term(
        "consensus",
        "One mask made of the readers' masks by a rule, in place of a truth that nobody knows.",
        ("consensuses",),
    ),
    Term(
        "STAPLE",
        "A rule for a consensus: it estimates how reliable each reader is and weighs the votes accordingly "
        "(Warfield, Zou and Wells 2004).",
    ),
    Term("MAP", "STAPLE with a mild prior on how readers err, so that few voxels cannot mislead it."),
    Term(
        "yardstick",
        "The consensus that verdicts rest on; its rule came nearest to a known truth over several ways of "
        "erring.",
        ("yardsticks",),
    ),
    Term(
        "fair",
        "Scored by consensuses in which one's own mask has no part: each reader against the others' "
        "consensus, a model against those same ones.",
        ("fair scores", "fair table", "fair comparison"),
    ),
    Term(
        "usual",
        "Scored against the consensus of all readers, their own mask included, as studies print it; that "
        "flatters readers.",
    ),
    Term(
        "interval",
        "The range of values that the exams leave open: at 95 % such ranges hold the true value in 95 of 100 "
        "studies.",
        ("intervals", "confidence interval"),
    ),
    Term(
        "clear",
        "Said of a difference that chance is not enough to explain, after adjusting for everything that was "
        "looked at.",
    ),
    Term("could be chance", "Said of a difference that these exams cannot settle; it is not called equal."),
    Term(
        "not settled",
        "No difference carries a verdict: it could be chance, or another reader or rule turns it round.",
    ),
    Term(
        "Holm",
        "Holm's adjustment: p values made larger because many differences are tested together, so that the "
        "chance of any false claim stays below 5 %.",
        ("Holm p",),
    ),
    Term(
        "Wilcoxon",
        "The signed-rank test of differences exam by exam; computed exactly, for ten exams are few.",
    ),
    Term(
        "Hodges-Lehmann",
        "An estimate of a difference: the median of all means of two exams' differences; one bad exam hardly "
        "moves it.",
    ),
    Term(
        "margin",
        "A loss of Dice that would not matter, named before looking: a model can then be shown not to be "
        "worse.",
        ("non-inferiority",),
    ),
    Term(
        "interchangeability",
        "Whether a model agrees with the readers as much as they do with each other; no consensus is needed.",
    ),
    Term(
        "alternative annotator test",
        "Asks in how many exams a model is at least as close to the other readers as each reader is.",
    ),
    Term(
        "NSD",
        "Normalized surface distance: the share of two surfaces that lie within a tolerance of each other, "
        "0 to 1.",
    ),
    Term(
        "HD95",
        "The distance within which 95 % of one surface lies of the other, in mm; the larger of the two "
        "directions.",
    ),
    Term("ASSD", "Average symmetric surface distance: the mean distance of two surfaces, in mm."),
    Term(
        "tolerance",
        "A distance of surfaces that is no error: by default that within which 95 % of the readers' surfaces "
        "lie of each other's.",
    ),
    Term(
        "focus",
        "A connected patch of a level or a higher one; of labels without an order, of one.",
        ("foci",),
    ),
    Term(
        "false positive",
        "Marked by a rater and not by what it is held against.",
        ("too much", "false positives"),
    ),
    Term(
        "false negative",
        "Not marked by a rater and marked by what it is held against.",
        ("too little", "false negatives"),
    ),
    Term(
        "kappa",
        "Agreement beyond chance: 1 is perfect, 0 what chance would give. Cohen's of two raters, weighted by "
        "the steps between levels; Fleiss' of several.",
    ),
    Term("alpha", "Krippendorff's alpha: agreement of several readers beyond chance, who may lack exams."),
    Term(
        "ICC",
        "Intraclass correlation: the share of the differences of volumes that lies between exams and not "
        "between readers; 1 is perfect.",
        ("intraclass correlation",),
    ),
    Term(
        "limits of agreement",
        "Bland and Altman's: between them lie 95 % of the differences of two raters' volumes.",
        ("Bland-Altman",),
    ),
    Term("bias", "The mean difference of two raters' volumes.", ("mean difference",)),
    Term(
        "Spearman's correlation",
        "Whether one thing rises with another, by their ranks: -1 to 1, 0 where it does not.",
        ("Spearman",),
    ),
    Term(
        "pseudo Dice",
        "nnU-Net's rough Dice while it trains, on patches of the validation exams taken together: it tells "
        "whether a training goes well, and is no score of a model.",
    ),
    Term("sensitivity", "The share of what is there that was marked."),
    Term("specificity", "The share of what is not there that was left unmarked."),
    Term(
        "audit",
        "Every consensus is looked through for what readers would not expect, such as a vote on which all "
        "agreed and that was overruled.",
        ("audits",),
    ),
    Term("twin", "A rater whose masks are another's, or nearly so.", ("twins", "copy", "copies")),
    Term("teacher", "A reader whose masks a model learned from; there may be several.", ("taught",)),
    Term(
        "synthetic cohort",
        "Simulated images and readers: it says how the software behaves, and nothing of people.",
    ),
)


def glossed(text: str | Markup) -> Markup:
    """A text in which each word of the glossary is marked where it first stands, for hover and keyboard.

    A plain text is escaped. In HTML only text is looked at, and what stands in links, heads of tables with
    an `abbr`, scripts or buttons is left alone.

    Examples
    --------
    >>> str(glossed("NSD & NSD"))[-20:]
    'NSD</abbr> &amp; NSD'
    """
    return Glossed()(text)


class Glossed:
    """The same for several texts of one page: a word that was marked in one is not marked in the next."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, text: str | Markup) -> Markup:
        """A further text of the page."""
        html = str(escape(text))
        parts, closed, found = re.split(r"(<[^>]*>)", html), "", []
        for part in parts:
            if part.startswith("<"):
                tag = re.match(r"<(/?)(\w+)", part)
                if tag and not closed and not tag[1] and tag[2].lower() in _LEFT_ALONE:
                    closed = tag[2].lower()
                elif tag and tag[1] and tag[2].lower() == closed:
                    closed = ""
                found.append(part)
            else:
                found.append(part if closed else _pattern().sub(self._marked, part))
        return Markup("".join(found))  # escaped above

    def _marked(self, found: re.Match[str]) -> str:
        term = _by_word()[found[0].lower()]
        if term.name in self._seen or (term.name in _CASED and found[0] not in (term.name, *term.also)):
            return found[0]
        self._seen.add(term.name)
        return f'<abbr tabindex="0" title="{escape(term.meaning)}">{found[0]}</abbr>'


def as_markdown() -> str:
    """The glossary as a page of the documentation."""
    rows = "\n".join(f"| {term.name}{_also(term)} | {term.meaning} |" for term in _in_order())
    return f"{_HEAD}\n| word | what it means |\n| --- | --- |\n{rows}\n"


_HEAD = """# Glossary

The words of reports, boards and tables. A page says the same where a word first stands: point at it, or go
to it with Tab.
"""
#: Elements whose text is left as it is.
_LEFT_ALONE = ("a", "abbr", "button", "code", "script", "style", "summary", "svg", "title")
# Words in small letters that mean something else.
_CASED = ("MAP", "ICC", "NSD", "ASSD", "HD95", "STAPLE", "Holm", "Wilcoxon", "Dice")


def _also(term: Term) -> str:
    others = [word for word in term.also if word.lower() not in (f"{term.name.lower()}s", "consensuses")]
    return f" ({', '.join(others)})" if others else ""


def _in_order() -> list[Term]:
    return sorted(GLOSSARY, key=lambda term: term.name.lower())


@cache
def _by_word() -> dict[str, Term]:
    return {word.lower(): term for term in GLOSSARY for word in (term.name, *term.also)}


@cache
def _pattern() -> re.Pattern[str]:
    # The longest first: "median reader" before "reader". Entities of HTML hold no word of ours.
    words = sorted(_by_word(), key=len, reverse=True)
    # "Reader 1" is a name.
    return re.compile(rf"(?<![\w&#-])(?:{'|'.join(map(re.escape, words))})(?![\w-]| \d)", re.IGNORECASE)
