"""Names and colours of a study's levels as the programs read them in which masks are corrected.

A NIfTI mask holds numbers alone. ITK-SNAP and 3D Slicer each read a file that gives every number its name
and its colour. For MedSeg no such file is documented, so its readers get a table to look at.
"""

from __future__ import annotations

from bmseg.study import Level, Study

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


def label_files(study: Study) -> dict[str, str]:
    """The text of the label file of each program.

    Returns
    -------
    dict of str to str
        File name to text: `ITKSNAP_FILE`, `SLICER_FILE` and `MEDSEG_FILE`. All are to be written as UTF-8.

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
        ITKSNAP_FILE: itksnap_labels(study.levels),
        SLICER_FILE: slicer_colors(study.levels),
        MEDSEG_FILE: medseg_levels(study),
    }


def itksnap_labels(levels: list[Level]) -> str:
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


def slicer_colors(levels: list[Level]) -> str:
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


def medseg_levels(study: Study) -> str:
    """A table for people: which number of a mask is which level.

    MedSeg is a closed program in the browser without a published manual: no file of names or colours that it
    imports is documented, so none is written.
    """
    head = ("number", "level", "colour", "meaning")
    rows = [("0", "background", "", "nothing drawn")]
    for level in study.levels:
        row = (str(level.value), level.name, level.color.lower(), _in_one_line(level.description))
        rows.append(row)
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(3)]
    table = [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join(
        [
            f"Which number of a mask is which level: study {study.name}",
            "",
            *table,
            "",
            "For MedSeg this table is to look at: no file of names and colours that it opens is documented.",
            "Whatever names and colours it shows, a mask is read back by these numbers.",
            f"ITK-SNAP opens {ITKSNAP_FILE}, and 3D Slicer {SLICER_FILE}.",
            "",
        ]
    )


def _itksnap_row(value: int, rgb: tuple[int, ...], shown: int, label: str) -> str:
    red, green, blue = rgb
    # Opacity, then whether slices and meshes show it: all or nothing here.
    return f'  {value:>3}   {red:>3}  {green:>3}  {blue:>3}  {shown:>7}  {shown}  {shown}    "{label}"'


def _rgb(level: Level) -> tuple[int, ...]:
    return tuple(bytes.fromhex(level.color.removeprefix("#")))


def _in_one_line(text: str) -> str:
    """Free text without what moves or breaks a line: control and format characters become spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
