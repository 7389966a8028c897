import numpy as np
import pytest

from evaluation.masks.exam import ExamMasks
from evaluation.masks.reading import MaskError

AFFINE = np.diag([-0.9, -0.9, 3.5, 1.0])
MASK = np.ones((4, 3, 2), np.uint8)


def test_an_exam_is_named_briefly_and_compared_as_itself() -> None:
    exam = ExamMasks("knee_a", MASK, {"anna": MASK, "net": MASK}, AFFINE, "axial")
    assert repr(exam) == (
        "ExamMasks(knee_a: anna, net; axial slices of Grid(4 x 3 x 2 voxels of 0.9 x 0.9 x 3.5 mm))"
    )
    assert exam == exam
    assert exam != ExamMasks("knee_a", MASK, {"anna": MASK, "net": MASK}, AFFINE, "axial")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(MaskError, match="plane: found 'oblique', expected one of coronal"):
        ExamMasks("e", MASK, {}, AFFINE, "oblique")
    with pytest.raises(MaskError, match=r"exam e: anna: found an array of \(4, 3, 1\), expected \(4, 3, 2\)"):
        ExamMasks("e", MASK, {"anna": MASK[..., :1]}, AFFINE)
    with pytest.raises(MaskError, match="exam e: marrow: found an array of"):
        ExamMasks("e", MASK, {}, AFFINE, marrow=MASK[:1])
