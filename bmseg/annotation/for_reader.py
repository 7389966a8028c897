"""What lies beside a round's masks for the reader: README.txt, and names and colours of the levels.

A NIfTI mask holds numbers alone. ITK-SNAP and 3D Slicer each read a file that gives every number its name
and its colour. For MedSeg no such file is documented, so its readers get a table to look at.
"""

from __future__ import annotations

from bmseg.annotation.rounds import Annotation, Round
from bmseg.study import Level, Study
from bmseg.wording import SYNTHETIC
from dataset_conversion.files import write_text
from dataset_conversion.raw.exam import IGNORE
from evaluation.statistics.words import plural

ITKSNAP_FILE = "itksnap_labels.txt"
SLICER_FILE = "slicer_colors.ctbl"
MEDSEG_FILE = "medseg_levels.txt"

# As ITK-SNAP writes it, its second "IDX" (the mesh flag) included.
_ITKSNAP_HEADER = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    IDX:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################"""


def write_reader_files(annotation: Annotation, round_: Round) -> None:
    """Write README.txt and the label files, and make the folder in which the reader saves."""
    round_.corrected.mkdir(parents=True, exist_ok=True)
    for name, text in label_files(annotation.study).items():
        write_text(round_.folder / name, text)
    write_text(round_.folder / "README.txt", _readme(annotation, round_))


def label_files(study: Study) -> dict[str, str]:
    """The text of the label file of each program: `ITKSNAP_FILE`, `SLICER_FILE` and `MEDSEG_FILE`.

    Examples
    --------
    >>> from bmseg.study import load_study
    >>> print(label_files(load_study())[SLICER_FILE], end="")
    # Color table file slicer_colors.ctbl
    # 4 values
    0 background 0 0 0 0
    1 level1 64 224 208 255
    2 level2 31 95 255 255
    3 level3 255 225 0 255
    """
    return {
        ITKSNAP_FILE: _itksnap_labels(_drawn(study)),
        SLICER_FILE: _slicer_colors(_drawn(study)),
        MEDSEG_FILE: _medseg_levels(study),
    }


def _drawn(study: Study) -> list[Level]:
    """What a reader may draw: the levels, and where the study has one the label of what is unsure."""
    if study.scores.ignore is None:
        return study.levels
    unsure = "not sure which level, or whether any: no model learns from it and no score counts it"
    colors = {level.color.lower() for level in study.levels}
    color = next(color for color in ("#808080", "#a0a0a0", "#606060") if color not in colors)
    value = study.scores.ignore
    return [*study.levels, Level(value=value, name=IGNORE, description=unsure, color=color)]


def _itksnap_labels(levels: list[Level]) -> str:
    """ITK-SNAP's label description file: Segmentation > Import Label Descriptions.

    Eight columns a label; the last is shown beside the colour, so it holds the level's name and its
    description. ITK-SNAP reads it up to the next quotation mark and knows no escape for one, therefore
    those of a description become apostrophes. "Clear Label" is ITK-SNAP's own name of the background.

    Notes
    -----
    The format is that of ``ColorLabelTable::SaveToFile`` and ``LoadFromFile`` in ITK-SNAP's source,
    pyushkevich/itksnap, Logic/Common/ColorLabelTable.cxx; the file's ending is what its dialogue offers
    (GUI/Qt/Windows/MainImageWindow.cxx).
    """
    rows = [_itksnap_row(0, (0, 0, 0), shown=0, label="Clear Label")]
    for level in levels:
        description = _in_one_line(level.description).replace('"', "'")
        label = f"{level.name}: {description}" if description else level.name
        rows.append(_itksnap_row(level.value, _rgb(level), shown=1, label=label))
    return "\n".join([_ITKSNAP_HEADER, *rows, ""])


def _slicer_colors(levels: list[Level]) -> str:
    """3D Slicer's colour table: drag it into Slicer before the mask, and choose it as the mask's colour node.

    Every release reads this form; the newer CSV form adds codes of terminologies, which a study file does
    not have. Names of levels hold no spaces, which would end the name; Slicer shows an underscore as a space
    and writes it back as an underscore. Descriptions are left to the other two files: a line of more than
    1023 bytes ended older releases' reading without a word.

    Notes
    -----
    "Color table text file format (.txt, .ctbl)" in 3D Slicer's Developer Guide, module Colors
    (Slicer/Slicer, Docs/developer_guide/modules/colors.md), and its reader,
    Libs/MRML/Core/vtkMRMLColorTableStorageNode.cxx.
    """
    rows = [f"{level.value} {level.name} {' '.join(map(str, _rgb(level)))} 255" for level in levels]
    header = [f"# Color table file {SLICER_FILE}", f"# {len(levels) + 1} values"]
    return "\n".join([*header, "0 background 0 0 0 0", *rows, ""])


def _medseg_levels(study: Study) -> str:
    """A table for people: which number of a mask is which level.

    MedSeg is a closed program in the browser without a published manual: no file of names or colours that it
    imports is documented, so none is written.
    """
    rows = [("number", "level", "colour", "meaning"), ("0", "background", "", "nothing drawn")]
    for level in _drawn(study):
        row = (str(level.value), level.name, level.color.lower(), _in_one_line(level.description))
        rows.append(row)
    widths = [*(max(len(row[column]) for row in rows) for column in range(3)), 0]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return f"""Which number of a mask is which level: study {study.name}

{chr(10).join(table)}

For MedSeg this table is to look at: no file of names and colours that it opens is documented.
Whatever names and colours it shows, a mask is read back by these numbers.
ITK-SNAP opens {ITKSNAP_FILE}, and 3D Slicer {SLICER_FILE}.
"""


def _itksnap_row(value: int, rgb: tuple[int, ...], shown: int, label: str) -> str:
    red, green, blue = rgb
    # Opacity, then whether slices and meshes show it: all or nothing here.
    return f'  {value:>3}   {red:>3}  {green:>3}  {blue:>3}  {shown:>7}  {shown}  {shown}    "{label}"'


def _rgb(level: Level) -> tuple[int, ...]:
    return tuple(bytes.fromhex(level.color.removeprefix("#")))


def _in_one_line(text: str) -> str:
    """Free text without what moves or breaks a line: control and format characters become spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _readme(annotation: Annotation, round_: Round) -> str:
    study, exams = annotation.study, round_.exams
    first, channel = exams[0], study.channels[0].name
    levels = "\n".join(f"  {level.value}  {level.name}: {level.description}" for level in _drawn(study))
    synthetic = f" ({SYNTHETIC})" if annotation.synthetic else ""
    learnt = plural(len(round_.read()["trained_on"]), "exam")
    return f"""Round {round_.number} of segmentation{synthetic}: {plural(len(exams), "exam")} to correct
{study.title}

A model has drawn a mask of each exam. It learnt from {learnt} that people have segmented, and it makes
mistakes. Read each image first as if there were no mask, then correct the mask: add what is missing, remove
what is wrong, move what has the wrong level.

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

When all are in "corrected": {annotation.command("accept")}
Which buttons to press in each program: docs/howto/annotation.md of bmseg.
"""
