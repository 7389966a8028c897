"""Who is scored, and where the masks are: of plain folders, or of a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.methods.variants import titles_of_variants
from bmseg.scoring.lineage import taught_in
from bmseg.scoring.masks import ALLOW, Files, list_masks, masks_hash
from bmseg.scoring.networks import networks_in
from bmseg.scoring.probable import predicted_with_probabilities
from bmseg.study import Study
from bmseg.wording import command, meant
from bmseg.workspace import Workspace
from evaluation.masks.incomplete import check_repeats, match
from evaluation.study import Design

# Who stands beside raters in tables.
_TAKEN = ("consensus", "yardstick", "median reader", "nobody")


@dataclass(frozen=True)
class Raters:
    """Folders of masks, as `dataset_conversion.mask_files.listing.list_masks` has them."""

    #: Their masks make the consensus; among them second readings, which do not.
    readers: Mapping[str, Path]
    #: Scored beside the readers.
    models: Mapping[str, Path]
    #: The exams that must be there; by default those that readers drew.
    exams: Sequence[str] | None = None
    #: Model to the readers whose masks it learned from, of those of whom it is known.
    taught_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Model to its probability maps, as of `bmseg.scoring.probable.list_probabilities`; who has no folder of
    #: masks among the models is scored by the likeliest label.
    probabilities: Mapping[str, Path] = field(default_factory=dict)
    #: Network of a seed of its own to the first of the same method: the spread between them is one of seeds.
    seed_of: Mapping[str, str] = field(default_factory=dict)
    #: Model to what it is shown as, where the study does not say it.
    titles: Mapping[str, str] = field(default_factory=dict)
    #: What is to be said of them before anybody believes their scores.
    warned: Sequence[str] = ()

    @property
    def scored(self) -> list[str]:
        """The models: those with masks, then those with probabilities alone."""
        return list(dict.fromkeys([*self.models, *self.probabilities]))


def workspace_raters(workspace: Workspace) -> Raters:
    """The raters of a workspace: the data set's readers and every method with predictions.

    Errors are those of `Workspace.test_exams`, and InputError when no method has made predictions.
    """
    exams, models = workspace.test_exams(), workspace.methods()
    if not models:
        raise InputError(
            f"{workspace.predictions_root}: found no method's predictions, expected at least one; "
            f"run '{command('predict', workspace=workspace.root)}' first"
        )
    readers = workspace.readers() | workspace.second_readings()
    seed_of, warned = networks_in(workspace, list(models))
    return Raters(
        readers, models, exams, taught_in(workspace, models),
        predicted_with_probabilities(models, workspace.root),
        seed_of, titles_of_variants(models, workspace.study.titles), warned,
    )  # fmt: skip


def refuse_other_masks(record: Mapping[str, Any], workspace: Workspace) -> None:
    """Refuse (InputError) a workspace whose masks are not those that an evaluation's record names.

    Pictures of other masks would stand beside its scores.
    """
    raters = workspace_raters(workspace)
    known = record.get("masks_sha256", {})
    other = []
    for rater, folder in {**raters.readers, **raters.models}.items():
        files = list_masks(folder)
        now = masks_hash({exam: files[exam] for exam in record["exams"] if exam in files})
        if rater in known and now != known[rater]:
            other.append(rater)
    if other:
        raise InputError(
            f"{workspace.root}: masks: found others of {', '.join(other)} than were evaluated, expected the "
            f"same; run '{command('evaluate', workspace=workspace.root)}' first"
        )


def first_and_second(study: Study, given: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The readers among those whose masks are given, and second readings to their readers.

    InputError when there is a second reading, and not the first.
    """
    again = {name: reader for name, reader in study.repeats.items() if name in given}
    for name, reader in again.items():
        if reader not in given:
            raise InputError(
                f"reader: found {name}, a repeat of {reader}, without masks of {reader}; expected both"
            )
    return [name for name in given if name not in again], again


def matched(
    design: Design,
    files: Files,
    readers: Sequence[str],
    again: Mapping[str, str],
    exams: Sequence[str] | None,
) -> list[str]:
    """The exams that are scored, sorted; expected are `exams`, or else those of the readers.

    Errors are those of `evaluation.masks.incomplete.match` and `check_repeats`.
    """
    first = {rater: of for rater, of in files.items() if rater not in again}
    found = match(first, readers, exams, incomplete=design.incomplete, how=ALLOW)
    check_repeats(files, again, incomplete=design.incomplete, how=ALLOW)
    return found


def check_names(study: Study, raters: Raters) -> None:
    """Refuse (InputError) raters who are not the study's, or whose names do not fit together."""
    if unknown := [name for name in raters.readers if name not in {*study.reader_names, *study.repeats}]:
        raise InputError(
            f"reader: found {', '.join(unknown)}, expected one of {', '.join(study.reader_names)} "
            f"(the readers of study {study.name}); name them in the study file"
            f"{meant(unknown[0], study.reader_names)}"
        )
    for model, names in raters.taught_by.items():
        if model not in raters.scored:
            known = ", ".join(raters.scored) or "none"
            close = meant(model, raters.scored)
            raise InputError(f"taught by: found model {model}, expected one of {known}{close}")
        if unknown := [name for name in names if name not in study.reader_names]:
            raise InputError(
                f"taught by: {model}: found {', '.join(unknown)}, expected some of "
                f"{', '.join(study.reader_names)} (the readers of study {study.name})"
            )
    for other, first in raters.seed_of.items():
        if unknown := [name for name in (first, other) if name not in raters.scored]:
            known = ", ".join(raters.scored) or "none"
            close = meant(unknown[0], raters.scored)
            raise InputError(f"seed of: found model {unknown[0]}, expected one of {known}{close}")
        if first in raters.seed_of:
            raise InputError(
                f"seed of: found {first} both as the first network of a method and as a further one "
                f"({other}, {raters.seed_of[first]}), expected one first network a method"
            )
    for name in (*raters.readers, *raters.scored):
        if name in _TAKEN or "/" in name or "\\" in name or name.startswith("."):
            raise InputError(
                f"name of a rater: found '{name}', expected a name that is none of {', '.join(_TAKEN)}, "
                "which tables use for others, and no path"
            )
    if both := set(raters.readers) & set(raters.scored):
        raise InputError(f"prediction: found {', '.join(sorted(both))}, which is a reader; rename it")
