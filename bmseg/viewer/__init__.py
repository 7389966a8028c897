"""The viewer of exams: every slice, with outlines of readers, consensus and models, and where they differ.

`write_viewer` makes a folder of plain arrays: a page, and a file an exam that it loads when it is asked for.
`viewer_link` is the address of an exam in it, at a slice, a rater and a level; `worst_slice` the slice to
link to. `bmseg.viewer.evaluated` makes the one of an evaluation.
"""

from bmseg.viewer.links import FOLDER, viewer_link, worst_slice
from bmseg.viewer.page import PAGE, write_viewer
from bmseg.viewer.shown import Cast, ViewedExam, ViewedFocus, ViewedRater

__all__ = [
    "FOLDER", "PAGE", "Cast", "ViewedExam", "ViewedFocus", "ViewedRater", "viewer_link", "worst_slice",
    "write_viewer",
]  # fmt: skip
