"""The viewer of exams: every slice, with outlines of readers, consensus and models, and where they differ.

`viewer_link` is the address of an exam in it, at a slice, a rater and a level; `worst_slice` the slice to
link to. `bmseg.viewer.page.write_viewer` makes a folder of plain arrays: a page, and a file an exam that it
loads when it is asked for; `bmseg.viewer.evaluated` makes the one of an evaluation.
"""

from bmseg.viewer.links import FOLDER, PAGE, viewer_link, worst_slice

__all__ = ["FOLDER", "PAGE", "viewer_link", "worst_slice"]
