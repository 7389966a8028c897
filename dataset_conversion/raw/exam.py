"""An exam as a converter yields it, what a data set expects of it, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from dataset_conversion.images import ConversionError, LabelFault, Plane, Volume, label_fault

#: nnU-Net's name of the label that nothing is learned from, in dataset.json
#: (nnU-Net, documentation/ignore_label.md).
IGNORE = "ignore"

#: An unread exam has no masks yet: its images are stored for readers to mask.
Split = Literal["training", "test", "unread"]

# nnU-Net takes the last four digits after an underscore for the channel.
_IDENTIFIER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
# Of <exam>_seg.b2nd it makes no case: nnunetv2/training/dataloading/nnunet_dataset.py, get_identifiers.
_MASK_ENDING = "_seg"
_CHANNEL_ENDING = re.compile(r"_\d{4}$")


@dataclass(frozen=True)
class DatasetSpec:
    """What a data set is, whatever its source."""

    #: nnU-Net's data set number, 1 to 999, and name, of letters and digits.
    id: int
    name: str
    #: Names of an exam's images, in nnU-Net's order.
    channels: tuple[str, ...]
    #: Level name to mask value, without background.
    labels: Mapping[str, int]
    readers: tuple[str, ...]
    #: The one whose masks nnU-Net is trained on.
    training_reader: str
    #: Of the slices.
    plane: Plane
    description: str = ""
    #: Whether readers may lack test exams.
    incomplete: bool = False
    #: The value of voxels that a reader was unsure of, in readers' masks; None where they hold none.
    ignore: int | None = None
    #: Whether others teach too, so that a training exam may lack the training reader's mask.
    others_teach: bool = field(default=False, repr=False)

    @property
    def folder_name(self) -> str:
        """nnU-Net's folder name.

        Examples
        --------
        >>> DatasetSpec(7, "Knee", ("water",), {"level1": 1}, ("a",), "a", "coronal").folder_name
        'Dataset007_Knee'
        """
        return f"Dataset{self.id:03d}_{self.name}"

    @property
    def names(self) -> dict[str, int]:
        """What a program may call a mask value to the value: levels, and `IGNORE` where there is one."""
        return dict(self.labels) | ({} if self.ignore is None else {IGNORE: self.ignore})

    @property
    def trained_labels(self) -> dict[str, int]:
        """The labels of dataset.json; nnU-Net's ignore label is its highest.

        Examples
        --------
        >>> spec = DatasetSpec(7, "Knee", ("water",), {"low": 1}, ("a",), "a", "coronal", ignore=255)
        >>> spec.trained_labels
        {'background': 0, 'low': 1, 'ignore': 2}
        """
        labels = {"background": 0, **self.labels}
        return labels if self.ignore is None else {**labels, IGNORE: max(labels.values()) + 1}

    def as_trained(self, mask: np.ndarray) -> np.ndarray:
        """A reader's mask in the values of `trained_labels`."""
        return self._changed(mask, self.names, self.trained_labels)

    def as_read(self, mask: np.ndarray) -> np.ndarray:
        """A mask that is trained on in the values of a reader's."""
        return self._changed(mask, self.trained_labels, self.names)

    def _changed(self, mask: np.ndarray, found: Mapping[str, int], wanted: Mapping[str, int]) -> np.ndarray:
        if self.ignore is None:
            return mask
        return np.where(mask == found[IGNORE], wanted[IGNORE], mask).astype(mask.dtype)


@dataclass(frozen=True)
class Exam:
    """One exam as a converter yields it: images by channel, integer masks by reader."""

    #: nnU-Net's case identifier.
    identifier: str
    split: Split
    channels: Mapping[str, Volume]
    masks: Mapping[str, Volume]
    #: Columns of cohort.csv: site, scanner, group, age, patient and others.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: What is true of a simulated test exam; nobody knows it of others.
    truth: Volume | None = None


def labelled_by(readers: Collection[str], spec: DatasetSpec) -> str:
    """Whose mask of a training exam nnU-Net has in labelsTr: the training reader's or, without it, the first.

    Examples
    --------
    >>> spec = DatasetSpec(7, "Knee", ("water",), {"low": 1}, ("a", "b", "c"), "a", "coronal")
    >>> labelled_by({"c", "b"}, spec)
    'b'
    """
    wanted = [spec.training_reader, *spec.readers]
    return next(reader for reader in wanted if reader in readers)


def check_identifier(identifier: str) -> None:
    """Refuse a case identifier that cannot be a file name or that nnU-Net would misread.

    Examples
    --------
    >>> check_identifier("knee_0001")
    Traceback (most recent call last):
    ...
    dataset_conversion.images.errors.ConversionError: exam 'knee_0001': identifier: found an ending like \
nnU-Net's channel number (_0001), expected another; rename the exam
    """
    fault = ""
    if not _IDENTIFIER.fullmatch(identifier):
        fault = "expected letters, digits, '_', '-' and '.', beginning with a letter or digit"
    elif ending := _CHANNEL_ENDING.search(identifier):
        fault = f"found an ending like nnU-Net's channel number ({ending[0]}), expected another"
    elif identifier.endswith(_MASK_ENDING):
        fault = f"found the ending of nnU-Net's own preprocessed masks ({_MASK_ENDING}), expected another"
    if fault:
        raise ConversionError(f"exam '{identifier}': identifier: {fault}; rename the exam")


def value_fault(mask: np.ndarray, spec: DatasetSpec) -> LabelFault | None:
    """What a reader's mask holds that it may not, or lacks; None if nothing is wrong."""
    fault = label_fault(mask, [0, *spec.names.values()])
    if fault is None and spec.ignore is not None and (mask == spec.ignore).all():
        text = f"label: found {spec.ignore} (ignore) everywhere, expected a level or background somewhere"
        return LabelFault(text, mappable=False)
    return fault


def name_fault(exam: Exam, spec: DatasetSpec) -> str:
    """Which channels, readers or split of an exam are unknown or missing; empty if none."""
    known = ("channel", exam.channels, spec.channels), ("reader", exam.masks, spec.readers)
    for kind, found, expected in known:
        if unknown := sorted(set(found) - set(expected)):
            return (
                f"{kind}: found {', '.join(unknown)}, expected one of {', '.join(expected)}; name it in the "
                "study file or leave it out"
            )
    if missing := [name for name in spec.channels if name not in exam.channels]:
        return f"channel: found none for {', '.join(missing)}"
    if exam.split not in get_args(Split):
        return f"split: found '{exam.split}', expected training, test or unread"
    return mask_fault(exam.split, list(exam.masks), spec)


def mask_fault(split: str, readers: Sequence[str], spec: DatasetSpec) -> str:
    """What is wrong with an exam of a split having the masks of these readers; empty if nothing."""
    if split == "unread":
        return f"{', '.join(readers)}: found a mask, expected none of an unread exam" if readers else ""
    if not readers:
        return "readers: found no mask, expected at least one"
    if split == "training" and spec.training_reader not in readers and not spec.others_teach:
        return f"{spec.training_reader}: found no mask, expected one for a training exam"
    return ""
