"""What a board calls levels, readers and bmseg's own methods where people read; files go by names."""

from __future__ import annotations

from collections.abc import Sequence

from bmseg.leaderboard.entries import Entry
from bmseg.study import Study
from evaluation.study.titles import told_apart


def board_titles(study: Study, entries: Sequence[Entry]) -> dict[str, str]:
    """Names of a study, and of methods on its board, to what they are shown as, where it is something else.

    A team is called as it calls itself, whatever a method or level of that name is shown as, unless all its
    submissions say that they are the method: as ``bmseg train nnunet`` of the team nnunet.
    """
    teams = {entry.team for entry in entries}
    others = {entry.team for entry in entries if entry.about.method != f"bmseg train {entry.team}"}
    names = [*study.level_names, *study.reader_names, *study.repeats, *sorted(teams)]
    titles = told_apart(study.titles, list(dict.fromkeys(names)))
    return {name: title for name, title in titles.items() if name not in others}
