"""How data set, plan, trainings and predictions of a workspace stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bmseg.cohort.phantom import phantom_output
from bmseg.curves import curves_in, is_current
from bmseg.errors import InputError
from bmseg.methods import Method, methods
from bmseg.methods.profiles import PROFILES
from bmseg.methods.variants import SEED, Variant, method_and_variant, variant_of_word
from bmseg.nnunet.models import (
    FINAL,
    INPUTS,
    PROGRESS,
    RECORD,
    TrainedModel,
    check_inputs,
    data_inputs,
    recorded_checkpoints,
)
from bmseg.nnunet.plan import FINGERPRINT, plans_of
from bmseg.nnunet.predict import predicted_exams
from bmseg.nnunet.preprocess import check_masks, preprocessed_hash
from bmseg.nnunet.training import PLANS, Fold, Training, training_hash, visible_files
from bmseg.outputs import read_record
from bmseg.outputs.provenance import file_hash
from bmseg.status.stage import Bytes, Stage, State
from bmseg.wording import command
from bmseg.workspace import Workspace, is_synthetic
from dataset_conversion.raw.segmented import unread_exams
from evaluation.statistics.words import plural


def data(workspace: Workspace) -> Stage:
    """The data set."""
    dataset, make = workspace.dataset, command("phantom", workspace=workspace.root)
    unread = len(unread_exams(dataset)) if (dataset.unread_folder / "exams.csv").is_file() else 0
    waiting = f"{plural(unread, 'unread exam')}" if unread else ""
    if not ((dataset.folder / "dataset.json").is_file() and dataset.cohort_path.is_file()):
        if unread:
            start = command("annotate", "start", workspace=workspace.root)
            return Stage("data", "unfinished", waiting, "no exam is segmented yet", start)
        why = "no finished data set; of your own exams: bmseg convert"
        return Stage("data", "missing", why=why, command=make)
    cohort = dataset.cohort()
    numbers = [f"{(cohort.split == split).sum()} {split}" for split in ("training", "test")]
    readers = [*workspace.readers(), *workspace.second_readings()]
    also = sorted({path.parent.name for path in (dataset.folder / "readersTr").glob("*/[!.]*.nii.gz")})
    shown = workspace.study.shown
    parts = [
        f"exams: {' and '.join(numbers)}",
        f"training masks of {', '.join(map(shown, also))}" if also else "",
        f"test masks of {', '.join(map(shown, readers)) or 'no reader'}",
        waiting,
    ]
    if is_synthetic(cohort):
        parts.append("synthetic cohort")
    found = "; ".join(filter(None, parts))
    made = [phantom_output(workspace).read(), read_record(dataset.folder / "conversion.json")]
    studies = {record["study_sha256"] for record in made if "study_sha256" in record}
    if studies and file_hash(workspace.study_file) not in studies:
        why = f"made with another study file than {workspace.study_file}: put that back, or begin anew"
        return Stage("data", "stale", found, why)
    return Stage("data", "there", found)


@dataclass(frozen=True)
class Trained:
    """The hash of the training exams, as far as it is known."""

    raw: str
    unseen: tuple[str, ...]


def trained_on(workspace: Workspace, may: Bytes) -> Trained:
    """What is trained on now; where that is too much to read, what the plan was made from."""
    raw = workspace.raw_dataset
    files = [*visible_files(raw / "imagesTr"), *visible_files(raw / "labelsTr")]
    files += sorted((raw / "readersTr").glob("*/[!.]*.nii.gz"))
    if may.allow(files, "training exams, if they are those that were planned from"):
        return Trained(training_hash(workspace), may.told())
    record = read_record(workspace.preprocessed_dataset / FINGERPRINT)
    return Trained(str(record.get("training_exams", "")), may.told())


def plan(workspace: Workspace, on: Trained) -> Stage:
    """nnU-Net's plans, and the preprocessed exams."""
    folder = workspace.preprocessed_dataset
    make = command("plan", workspace=workspace.root)
    if not (folder / f"{PLANS}.json").is_file():
        return Stage("plan", "missing", command=make)
    plans = plans_of(workspace)
    own = [name for name in plans["configurations"] if name == "2d" or name.startswith("2d_")]
    full = not any("quick" in name for name in own)
    make = command("plan", *(["--profile", "full"] if full else []), workspace=workspace.root)
    found = f"nnU-Net's configurations {', '.join(own)}"
    try:
        preprocessed_hash(workspace, plans, "2d", on.raw or "unknown")
    except InputError as error:
        other = "another data set" in str(error)
        state: State = "stale" if other else "unfinished"
        why = "the training exams are others now" if other else "preprocessed exams are missing"
        return Stage("plan", state, found, why, make, unseen=on.unseen)
    try:
        if on.raw:
            check_masks(workspace, plans, "2d")
    except InputError:
        why = "other readers' masks of training exams are not preprocessed, or are others now"
        return Stage("plan", "stale", found, why, make, unseen=on.unseen)
    return Stage("plan", "there", found, unseen=on.unseen)


def trainings(workspace: Workspace, on: Trained) -> Iterator[tuple[str, Stage]]:
    """Every training that was begun, with its rater."""
    variants = [variant_of_word(word) if word else Variant() for word in workspace.variants()]
    for (name, method), variant in product(methods().items(), filter(None, variants)):
        ways = _ways(method, variant)
        for folder in dict.fromkeys(way.model_folder(workspace) for way in ways):
            way = next(one for one in ways if one.model_folder(workspace) == folder)
            folds = sorted(path for path in folder.glob("fold_*") if path.is_dir())
            if folds:
                yield variant.name(name), _training(workspace, way, folds, on)


def _ways(method: Method, variant: Variant) -> list[Training]:
    """Everything that a method's network can be trained by, under every profile."""
    trainings = (
        Training(method, PROFILES[profile], seed=variant.seed, masks=variant.masks)
        for profile in method.recipes
        if profile in PROFILES
    )
    return [way for training in trainings for way in training.ways]


def _training(workspace: Workspace, training: Training, folders: Sequence[Path], on: Trained) -> Stage:
    """One model: its folds, how far each is, and whether it was trained from what lies there now."""
    told, unfinished, other, unseen = [], [], [], list(on.unseen)
    for folder in folders:
        number = folder.name.removeprefix("fold_")
        fold: Fold = int(number) if number.isdecimal() else "all"
        record, progress = read_record(folder / RECORD), read_record(folder / PROGRESS)
        finished = bool(record) and (folder / FINAL).is_file()
        done = f"{progress.get('epochs_done', 0)} of {progress.get('epochs', training.profile.epochs)} epochs"
        told.append(f"fold {fold}: {done}" + ("" if finished else ", stopped or at work"))
        if not finished:
            unfinished.append(folder)
        elif training.profile.validate and not record.get("validated"):
            told[-1] += ", not validated"
            unfinished.append(folder)
        try:
            inputs = data_inputs(workspace, training, fold, on.raw) if on.raw else {}
        except InputError:
            inputs = {}
        if not inputs:
            unseen.append("what it was trained from: there is no plan to hold it against")
        try:
            check_inputs(folder, inputs)
        except InputError as error:
            other.append((folder, str(error).partition("(")[2].rpartition(")")[0] or str(error)))
    name = f"training of {training.name}"
    if training.profile.name != "quick":
        name += f" ({training.profile.name})"
    splits = read_splits(workspace)
    found = "; ".join(told) + (f" (the data set has {plural(splits, 'fold')})" if splits else "")
    if other:
        again = _train(workspace, training, [folder for folder, _ in other], "--restart")
        why = f"trained from other inputs: {other[0][1]}"
        return Stage(name, "stale", found, why, again, unseen=tuple(dict.fromkeys(unseen)))
    if unfinished:
        return Stage(
            name,
            "unfinished",
            found,
            "",
            _train(workspace, training, unfinished),
            unseen=tuple(dict.fromkeys(unseen)),
        )
    return Stage(name, "there", found, unseen=tuple(dict.fromkeys(unseen)))


def curves(workspace: Workspace) -> Stage:
    """The page of learning curves."""
    make, page, name = (
        command("curves", workspace=workspace.root),
        workspace.pages["Training"],
        "learning curves",
    )
    record = curves_in(workspace).read()
    if not record or not page.is_file():
        return Stage(name, "missing", command=make, optional=True)
    found = plural(record.get("folds", 0), "fold")
    found += f", {record['at_work']} of them stopped or at work" if record.get("at_work") else ""
    if not is_current(workspace):
        why = "trainings went on since, or its versions or study file are others"
        return Stage(name, "stale", found, why, make, page, optional=True)
    return Stage(name, "there", found, page=page, optional=True)


def read_splits(workspace: Workspace) -> int:
    """How many folds the data set has."""
    import json

    try:
        return len(json.loads((workspace.raw_dataset / "splits_final.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return 0


def _train(workspace: Workspace, training: Training, folders: Sequence[Path], *more: str) -> str:
    """The command that trains folds as they were begun."""
    inputs: dict[str, Any] = read_record(folders[0] / INPUTS).get("inputs") or {}
    profile = training.profile
    words = ["train", training.name]
    words += [] if profile.name == "quick" else ["--profile", profile.name]
    folds = [folder.name.removeprefix("fold_") for folder in folders]
    words += [] if folds == ["0"] else ["--folds", ",".join(folds)]
    if training.seed is None:
        words += [f"--seed={seed}"] if (seed := inputs.get("seed", SEED)) != SEED else []
    for option, usual in (("epochs", profile.epochs), ("iterations", profile.iterations)):
        words += [f"--{option}={inputs[option]}"] if inputs.get(option, usual) != usual else []
    words += ["--deterministic"] if inputs.get("deterministic") else []
    return command(*words, *more, workspace=workspace.root)


def predictions(workspace: Workspace, method: str, may: Bytes) -> Stage:
    """A method's masks of the test exams."""
    name, folder, exams = f"predictions of {method}", workspace.predictions(method), workspace.test_exams()
    masks = [path.name.removesuffix(".nii.gz") for path in visible_files(folder, ".nii.gz")]
    missing = [exam for exam in exams if exam not in masks]
    record = read_record(folder / "made_from.json")
    model = record.get("model") or {}
    of_method, variant = method_and_variant(method)
    again = command("predict", method, workspace=workspace.root) if of_method in methods() else ""
    found = f"masks of {len(exams) - len(missing)} of {plural(len(exams), 'test exam')}"
    if not masks:
        return Stage(name, "missing", command=again)
    if not model:
        found += ", put there by hand"
    if missing:
        return Stage(name, "unfinished", found, f"missing: {', '.join(missing)}", again if model else "")
    if not model:
        return Stage(name, "there", found)
    if members := model.get("members"):
        return _together(workspace, name, found, members)
    found += f", by fold {', '.join(map(str, model['folds']))}"
    of = workspace.results_of(variant.word) / workspace.dataset_folder / str(model["folder"])
    trained = recorded_checkpoints(of, model["folds"])
    if not trained:
        return Stage(name, "there", f"{found}; that training is not here any more")
    if trained != model.get("checkpoints"):
        return Stage(name, "stale", found, "its model was trained anew since", again)
    training = _training_in(workspace, method, of)
    images = visible_files(workspace.raw_dataset / "imagesTs")
    if training and may.allow(images, "images of the test exams"):
        current = predicted_exams(workspace, TrainedModel(training, of, tuple(model["folds"])))
        if current is None:
            return Stage(name, "stale", found, "images or masks are others than on record", again)
    return Stage(name, "there", found, unseen=may.told())


def _together(workspace: Workspace, name: str, found: str, members: Sequence[dict[str, Any]]) -> Stage:
    """An ensemble's masks: whether the networks that made them are those that lie there."""
    rater, who = name.removeprefix("predictions of "), [str(member["method"]) for member in members]
    found += f", by {' and '.join(who)} together"
    for member in members:
        of = workspace.results_dataset / str(member["folder"])
        if recorded_checkpoints(of, member["folds"]) != member["checkpoints"]:
            profile = member.get("profile", "quick")
            more = [] if profile == "quick" else ["--profile", profile]
            again = command("ensemble", *who, *more, "--name", rater, workspace=workspace.root)
            why = f"{member['method']} was trained anew since, or is not here any more"
            return Stage(name, "stale", found, why, again)
    return Stage(name, "there", found)


def _training_in(workspace: Workspace, method: str, folder: Path) -> Training | None:
    """The training of a rater whose models lie in a folder."""
    name, variant = method_and_variant(method)
    known = methods().get(name)
    ways = _ways(known, variant) if known else []
    return next((way for way in ways if way.model_folder(workspace) == folder), None)
