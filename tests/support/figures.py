"""What figures say."""

from __future__ import annotations

from string import ascii_lowercase

from matplotlib.figure import Figure


def panel_titles(figure: Figure) -> list[str]:
    """Titles of panels without their letters, which are a, b, c, ... in order where there are several."""
    found = [title for axes in figure.axes if (title := axes.get_title(loc="left"))]
    if len(found) < 2:
        return found
    assert [title[:1] for title in found] == list(ascii_lowercase[: len(found)])
    return [title[1:].strip() for title in found]
