"""Where preprocessed masks of several readers lie; nothing heavy is imported here.

Beside nnU-Net's folder of preprocessed exams, not in it: there an exam ``knee__anna`` and anna's mask of an
exam ``knee`` would have one name, and nnU-Net's own commands list what they find::

    nnUNetPlans_2d/<exam>.b2nd <exam>_seg.b2nd <exam>.pkl             nnU-Net's own
    nnUNetPlans_2d_masks/readers/<reader>/<exam>_seg.b2nd <exam>.pkl  each reader who drew the exam
    nnUNetPlans_2d_masks/consensus/<exam>_seg.b2nd <exam>.pkl         their consensus
"""

from __future__ import annotations

from pathlib import Path

#: As rater of a mask; readers are ``readers/<reader>``.
CONSENSUS = "consensus"


def masks_folder(preprocessed: Path | str) -> Path:
    """The folder of masks beside a folder of preprocessed exams."""
    folder = Path(preprocessed)
    return folder.with_name(f"{folder.name}_masks")


def of_reader(reader: str) -> str:
    """A reader as rater of a mask."""
    return f"readers/{reader}"


def raters_of(folder: Path, exam: str) -> list[str]:
    """The readers who have a preprocessed mask of an exam, as raters, sorted."""
    return sorted(of_reader(path.parent.name) for path in folder.glob(f"readers/*/{exam}_seg.b2nd"))
