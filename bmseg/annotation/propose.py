"""A round begins: train on all accepted exams, choose the next ones and pre-draw their masks."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bmseg.annotation.choose import RULES, Pick, choose_at_random, choose_uncertain, disagreement
from bmseg.annotation.for_reader import write_reader_files
from bmseg.annotation.rounds import ACCEPTED, BEGUN, PROPOSED, Annotation, Round
from bmseg.errors import InputError
from bmseg.methods import Method, get_method
from bmseg.methods.profiles import get_profile
from bmseg.nnunet import Training, plan, predict, train
from bmseg.nnunet.environment import say
from bmseg.nnunet.models import trained_model
from bmseg.nnunet.training import Fold
from bmseg.outputs import provenance
from bmseg.outputs.provenance import file_hash
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path
from dataset_conversion.images import Volume, read_volume, write_volume
from dataset_conversion.raw.dataset import FILE_ENDING, RawDataset
from dataset_conversion.raw.folds import make_folds
from dataset_conversion.raw.segmented import image_of, link_or_copy
from evaluation.masks.reading import read_mask
from evaluation.statistics.words import plural


@dataclass(frozen=True)
class Settings:
    """How a round is made."""

    #: The method, under a profile, and its schedule.
    training: Training
    #: Whose networks are trained and pre-draw together; "all": one network on every accepted exam.
    folds: tuple[Fold, ...]
    #: Exams of the round; all that are left where there are fewer.
    number: int
    pick: Pick
    seed: int

    @property
    def record(self) -> dict[str, Any]:
        """As round.json keeps them."""
        profile = self.training.profile
        return {
            "next": self.number,
            "pick": self.pick,
            "method": self.training.method.name,
            "profile": profile.name,
            "folds": [*self.folds],
            "epochs": profile.epochs,
            "iterations": profile.iterations,
            "seed": self.seed,
        }


def propose(annotation: Annotation, settings: Settings, *, number: int | None = None) -> list[str]:
    """Make the next round, or go on with the one that was begun; returns what to print.

    The model is trained anew on all accepted exams, in a workspace of the round's own. A round's `number`
    may be given; one that is already made is left as it is. An InputError when the round before is still
    open, settings differ from those that the round was begun with, no exam is unread, a fold does not
    exist, or one network alone is to be uncertain; a WorkError when nnU-Net fails, or another process is at
    work on the rounds.
    """
    with annotation.alone():
        rounds = annotation.rounds()
        following = len(rounds) + (not rounds or rounds[-1].state == ACCEPTED)
        wanted = following if number is None else number
        if wanted > following:
            raise InputError(f"round: found {number}, expected {following} at most; rounds follow each other")
        if wanted < following:
            return [f"round {number} is already made; nothing was changed"]
        round_ = annotation.round(following)
        if round_.state:
            _refuse_other_settings(annotation, round_, settings)
        said = f"round {following} is already proposed; nothing was changed"
        if round_.state != PROPOSED:
            annotation.check_masks()
            if not round_.state:
                _begin(annotation, round_, settings)
            _make(annotation, round_, settings)
            masks = plural(len(round_.exams), "mask")
            trained = plural(len(round_.read()["trained_on"]), "exam")
            said = f"round {following}: {masks} pre-drawn by a model of {trained}"
    return [
        said,
        f"open:    {round_.images} with {round_.proposals} (see README.txt beside them)",
        f"save to: {round_.corrected}",
        f"then:    {annotation.command('accept')}",
    ]


def _make(annotation: Annotation, round_: Round, settings: Settings) -> None:
    """Train, choose, pre-draw; what is there already stays."""
    workspace, training = _training_workspace(annotation, round_), settings.training
    plan(workspace, training.profile, [training.method])
    for fold in settings.folds:
        train(workspace, training, fold=fold, seed=settings.seed)
    if "exams" not in round_.read():
        _choose(annotation, round_, workspace, settings)
    exams = round_.exams
    predict(workspace, training, folds=settings.folds, exams=exams, out=round_.originals)
    earlier = draw_with_earlier(annotation, round_, workspace, training.method)
    _write_proposals(annotation, round_)
    write_reader_files(annotation, round_)
    model = trained_model(workspace, training, settings.folds)
    made = {
        "state": PROPOSED,
        "model": model.folder.name,
        "checkpoints_sha256": model.checkpoints(),
        "proposals_sha256": {exam: file_hash(round_.original(exam)) for exam in exams},
        "earlier": earlier,
        "versions": provenance.versions(),
    }
    round_.write(round_.read() | made)


def _refuse_other_settings(annotation: Annotation, round_: Round, settings: Settings) -> None:
    before = round_.read()["settings"]
    differ = [name for name, value in settings.record.items() if before.get(name) != value]
    if differ:
        found = ", ".join(f"{name}={before.get(name)}" for name in differ)
        wanted = ", ".join(f"{name}={settings.record[name]}" for name in differ)
        advice = (
            f"accept its masks first: {annotation.command('accept')}"
            if round_.state == PROPOSED
            else f"give the same options, or remove {round_.folder} to begin the round anew"
        )
        raise InputError(f"round {round_.number}: found it begun with {found}, expected {wanted}; {advice}")


def _begin(annotation: Annotation, round_: Round, settings: Settings) -> None:
    unread = annotation.unread()
    if not unread:
        last = command("plan", workspace=annotation.workspace.root)
        raise InputError(
            f"{annotation.dataset.unread_folder}: found no unread exam, expected at least one: all are "
            f"segmented; train the final model: {last}, then {last.replace('plan', 'train', 1)}"
        )
    _check_folds(annotation, settings)
    lineage = annotation.lineage()
    record: dict[str, Any] = {
        "round": round_.number,
        "state": BEGUN,
        "settings": settings.record,
        "chosen_by": RULES[settings.pick],
        "unread": unread,
        "trained_on": dict(zip(lineage.exam, lineage.mask_sha256, strict=True)),
    }
    if settings.pick == "random":
        record["exams"] = choose_at_random(
            unread, settings.number, seed=settings.seed, round_number=round_.number
        )
    round_.write(record)


def _check_folds(annotation: Annotation, settings: Settings) -> None:
    folds = [fold for fold in settings.folds if fold != "all"]
    if settings.pick == "uncertain" and len(folds) < 2:
        raise InputError(
            f"folds: found {','.join(map(str, settings.folds))}, expected two folds or more, as 0,1 or "
            "0-4: uncertain is where networks disagree"
        )
    training = _cohort_rows(annotation, annotation.lineage().exam)
    known = len(make_folds(training, folds=5, seed=annotation.seed))
    if unknown := [fold for fold in folds if not isinstance(fold, int) or fold >= known]:
        raise InputError(
            f"folds: found {unknown[0]}, expected 0 to {known - 1}: segmented: "
            f"{plural(len(training), 'exam')}"
        )


def _cohort_rows(annotation: Annotation, exams: Sequence[str]) -> pd.DataFrame:
    cohort = annotation.dataset.cohort()
    return cohort[(cohort.split == "training") & cohort.exam.isin(exams)]


def _training_workspace(annotation: Annotation, round_: Round) -> Workspace:
    """The round's own workspace: accepted exams to train on, the exams to pre-draw in the place of tests."""
    main = annotation.dataset
    record = round_.read()
    workspace = Workspace(round_.training, annotation.workspace.dataset_folder)
    own = RawDataset.create(workspace.nnunet_raw, main.spec)
    reader = main.spec.training_reader
    for exam in record["trained_on"]:
        link_or_copy(annotation.training_mask(exam), own.mask_path(exam, "training", reader))
        for name in main.spec.channels:
            link_or_copy(image_of(main, exam, name), own.image_path(exam, "training", name))
    candidates = record.get("exams") or record["unread"]
    for exam in candidates:
        for name in main.spec.channels:
            link_or_copy(image_of(main, exam, name), own.image_path(exam, "test", name))
    rows = _cohort_rows(annotation, list(record["trained_on"])).astype(object)
    own.finish(
        [
            *rows.where(rows.notna(), None).to_dict("records"),
            *({"exam": e, "split": "test"} for e in candidates),
        ],
        seed=annotation.seed,
    )
    return workspace


def _choose(annotation: Annotation, round_: Round, workspace: Workspace, settings: Settings) -> None:
    """The exams on which the folds' networks disagree most, of all that are unread."""
    for fold in settings.folds:
        predict(workspace, settings.training, folds=[fold], out=round_.committee(fold))
    record, study = round_.read(), annotation.study
    levels = {level.name: (level.value,) for level in study.levels}
    scores = {}
    for exam in record["unread"]:
        paths = [round_.committee(fold) / f"{exam}{FILE_ENDING}" for fold in settings.folds]
        scores[exam] = disagreement([read_mask(path, study.label_values).array for path in paths], levels)
    table = choose_uncertain(scores, settings.number)
    with atomic_path(round_.disagreement) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6f")
    exams = sorted(table.exam[table.chosen])
    kept = {exam: None if math.isnan(scores[exam]) else round(scores[exam], 6) for exam in exams}
    round_.write(record | {"exams": exams, "disagreement": kept})


def draw_with_earlier(
    annotation: Annotation, round_: Round, workspace: Workspace, method: Method
) -> dict[str, Any] | None:
    """Draw a round's exams with the model of the round before, beside the proposals and not for the reader.

    Rounds have different exams, and their Dice differ by how hard those are; so two models meet on the same
    exams, to which both are new: the earlier one was trained before they were corrected. Returns what
    round.json says of it; None in the first round, and where the model is not there any more, which is
    printed.
    """
    if round_.number == 1:
        return None
    before = annotation.round(round_.number - 1)
    settings = before.read()["settings"]
    name = settings["method"]
    # `method` may be one that is not registered.
    method = method if name == method.name else get_method(name)
    training = Training.of(method, get_profile(settings["profile"]))
    own = Workspace(before.training, workspace.dataset_folder)
    try:
        model = trained_model(own, training, tuple(settings["folds"]))
    except InputError as error:
        say(f"round {before.number}: its model does not draw these exams for comparison: {error}")
        return None
    predict(workspace, training, exams=round_.exams, out=round_.earlier_masks, model=model)
    return {"round": before.number, "model": model.folder.name, "checkpoints_sha256": model.checkpoints()}


def _write_proposals(annotation: Annotation, round_: Round) -> None:
    """Copies for the reader: what is saved over them changes neither the data set nor the original."""
    channels = annotation.dataset.spec.channels
    for exam in round_.exams:
        for name in channels:
            image = round_.images / f"{exam}_{name}{FILE_ENDING}"
            with atomic_path(image) as temporary:
                shutil.copyfile(image_of(annotation.dataset, exam, name), temporary)
        mask = read_volume(round_.original(exam))
        write_volume(
            round_.proposals / f"{exam}{FILE_ENDING}", Volume(mask.array.astype(np.uint8), mask.affine)
        )
