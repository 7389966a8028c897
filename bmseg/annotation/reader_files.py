"""What lies beside a round's masks for the reader: README.txt and the label files of each program."""

from __future__ import annotations

from bmseg.annotation.label_files import ITKSNAP_FILE, MEDSEG_FILE, SLICER_FILE, label_files
from bmseg.annotation.state import Annotation, Round
from bmseg.wording import SYNTHETIC
from dataset_conversion.files import write_text


def write_reader_files(annotation: Annotation, round_: Round) -> None:
    """Write README.txt and the label files, and make the folder in which the reader saves."""
    round_.corrected.mkdir(parents=True, exist_ok=True)
    for name, text in label_files(annotation.study).items():
        write_text(round_.folder / name, text)
    write_text(round_.folder / "README.txt", _readme(annotation, round_))


def _readme(annotation: Annotation, round_: Round) -> str:
    study, exams = annotation.study, round_.exams
    first, channel = exams[0], study.channels[0].name
    levels = "\n".join(f"  {level.value}  {level.name}: {level.description}" for level in study.levels)
    synthetic = f" ({SYNTHETIC})" if annotation.synthetic else ""
    return f"""Round {round_.number} of segmentation{synthetic}: {len(exams)} exams to correct
{study.title}

A model has drawn a mask of each exam. It learnt from {len(round_.read()["trained_on"])} exams that people
have segmented, and it makes mistakes. Read each image first as if there were no mask, then correct the
mask: add what is missing, remove what is wrong, move what has the wrong level.

Levels in a mask
  0  background
{levels}

For each exam
  1. Open the image   images/{first}_{channel}.nii.gz
  2. Open the mask    proposals/{first}.nii.gz   (as a segmentation, on top of the image)
  3. Load the names and colours of the levels:
       ITK-SNAP   {ITKSNAP_FILE}
       3D Slicer  {SLICER_FILE}
       MedSeg     {MEDSEG_FILE} (a list to look at)
  4. Correct it.
  5. Save it as       corrected/{first}.nii.gz
     Same name, folder "corrected", on the image's own grid. Do not save into "proposals".
     A mask that needs no correction: save it into "corrected" as it is.

The exams
{chr(10).join(f"  {exam}" for exam in exams)}

When all are in "corrected": bmseg annotate accept
Which buttons to press in each program: docs/annotation.md of bmseg.
"""
