"""What a team may write about itself, and how it is shown: nothing of it runs, hides or turns the line."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from bmseg.errors import InputError
from bmseg.untrusted.listing import shown

LONGEST_TEAM = 40
LONGEST_LINE = 120
LONGEST_DESCRIPTION = 2000
LONGEST_REASON = 500
LONGEST_URL = 300
LONGEST_VERSION = 40
#: Longest label in a figure, in characters.
LABEL = 26
# A team's name is a folder's name too, on every system.
_TEAM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-]))*")
_PORTS = {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
_DEVICES = {"con", "prn", "aux", "nul"} | _PORTS
_TAG = re.compile(r"<\s*[A-Za-z/!?]")
_LINK = re.compile(r"https?://[^\s<>\"'\\]+")
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&()*+,;=%]+")
# Joiners are letters' forms in several scripts; every other format character is invisible or turns the line.
_JOINERS = "\u200c\u200d"


def check_team(name: str, taken: Iterable[str] = (), reserved: Iterable[str] = ()) -> None:
    """Refuse a name that is no plain folder name, or that could be taken for another's.

    `taken` are the teams on the board (the same name is the same team; one that differs by case is refused),
    `reserved` the names that stand for others there, as the readers and the consensus. Raises an `InputError`
    that lists every fault in one line.
    """
    faults = []
    if not 1 <= len(name) <= LONGEST_TEAM:
        faults.append(f"found {len(name)} characters, expected 1 to {LONGEST_TEAM}")
    if not _TEAM.fullmatch(name[: LONGEST_TEAM + 1]):
        faults.append("expected letters A to Z, digits, and - _ . between them")
    folded = name.casefold()
    if folded.split(".")[0] in _DEVICES:
        faults.append("found a name that some systems reserve, expected another")
    if folded in {one.casefold() for one in reserved}:
        faults.append("found a name that the board uses itself, expected another")
    for other in sorted(taken):
        if other != name and other.casefold() == folded:
            faults.append(f"found a name that differs from team {other} by case only, expected another")
    if faults:
        raise InputError(f"team '{shown(name, LONGEST_TEAM)}': {'; '.join(faults)}")


def check_about(title: str, method: str, description: str, url: str, version: str = "") -> None:
    """Refuse text that does not belong on a page: markup, control characters, too much, other links.

    Title, method and version are one line each, description lines, the address http or https; any may be
    empty. Raises an `InputError` that lists every fault in one line.
    """
    faults = _text_faults("title", title, LONGEST_LINE)
    faults += _text_faults("method", method, LONGEST_LINE)
    faults += _text_faults("version", version, LONGEST_VERSION)
    faults += _text_faults("description", description, LONGEST_DESCRIPTION, lines=True)
    faults += _url_faults(url) if url else []
    if faults:
        raise InputError(f"submission: {'; '.join(faults)}")


def check_reason(reason: str) -> None:
    """Refuse a reason to withdraw or reinstate that is no single line of plain text; errors as above."""
    if faults := _text_faults("reason", reason, LONGEST_REASON):
        raise InputError(f"submission: {'; '.join(faults)}")


def _text_faults(field: str, text: str, most: int, *, lines: bool = False) -> list[str]:
    if len(text) > most:
        return [f"{field}: found {len(text)} characters, expected at most {most}"]
    faults = []
    breaks = {mark for mark in text if unicodedata.category(mark) in ("Zl", "Zp")}
    if unfit := sorted((breaks | set(filter(_is_hidden, text))) - set("\n" if lines else "")):
        codes = ", ".join(f"U+{ord(mark):04X}" for mark in unfit[:5])
        what = "control characters" if lines else "control characters or line breaks"
        faults.append(f"{field}: found {codes}, expected no {what}")
    if tag := _TAG.search(text):
        start = shown(text[tag.start() : tag.start() + 10])
        faults.append(f"{field}: found markup ('{start}'), expected plain text")
    return faults


def _is_hidden(mark: str) -> bool:
    """Control, format, surrogate, private, unassigned."""
    return unicodedata.category(mark)[0] == "C" and mark not in _JOINERS


def _url_faults(url: str) -> list[str]:
    expected = "expected one as https://example.org/page"
    if len(url) > LONGEST_URL:
        return [f"url: found {len(url)} characters, expected at most {LONGEST_URL}"]
    try:
        parts = urlsplit(url)
        _ = parts.port  # refuses what is no number
    except ValueError:
        return [f"url: found '{shown(url)}', {expected}"]
    plain = _URL.fullmatch(url) and parts.scheme in ("http", "https") and parts.hostname
    # A name before the host is how a link pretends to lead elsewhere.
    if not plain or "@" in parts.netloc:
        return [f"url: found '{shown(url)}', {expected}"]
    return []


def plain(text: str) -> str:
    r"""Text in which nothing is invisible: control and format characters are shown as a replacement mark.

    Line breaks and tabs become spaces. Format characters include those that turn the direction of a line;
    the joiners of emoji and of several scripts stay.

    >>> plain("net\u202egnp.exe\n") == "net\ufffdgnp.exe"
    True
    """
    spaced = " ".join(text.split())
    return "".join("\ufffd" if _is_hidden(mark) else mark for mark in spaced)


def link(url: str) -> str:
    """The address where it is one of a web page; else nothing, as for ``javascript:``."""
    return url if _LINK.fullmatch(url) else ""


def figure_labels(names: Mapping[str, str], identifiers: Mapping[str, str]) -> dict[str, str]:
    """A short label a key for figures, each another; identifiers tell apart names that look the same.

    >>> figure_labels({"a/1": "team a: net", "a/2": "team a: net"}, {"a/1": "5feceb66", "a/2": "6b86b273"})
    {'a/1': 'team a: net [5feceb]', 'a/2': 'team a: net [6b86b2]'}
    """
    short = {key: _cut(plain(name), LABEL) for key, name in names.items()}
    twice = repeated(short.values())
    longer = {
        key: _with_end(label, f" [{identifiers[key][:6]}]") if label in twice else label
        for key, label in short.items()
    }
    still = repeated(longer.values())
    return {
        key: _with_end(label, f" #{place}") if label in still else label
        for place, (key, label) in enumerate(longer.items(), 1)
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _with_end(text: str, end: str) -> str:
    return _cut(text, LABEL - len(end)) + end


def repeated(labels: Iterable[str]) -> set[str]:
    """The labels that stand more than once."""
    return {label for label, count in Counter(labels).items() if count > 1}
