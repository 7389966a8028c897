"""Write the page of learning curves: a figure a quantity of each model, and the numbers beside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bmseg.curves.found import Found, Model, curves_hash, fold_folders
from bmseg.curves.settled import still_rising
from bmseg.nnunet.curves import Curves, Values
from bmseg.outputs import Output
from bmseg.outputs.provenance import file_hash
from bmseg.pages import Glossed, environment, frame, write_page_list
from bmseg.study import Study
from bmseg.wording import synthetic_mark
from bmseg.workspace import Workspace
from evaluation.statistics.words import DASH, figures, number, plural

NUMBERS = "curves.csv"


def curves_in(workspace: Workspace) -> Output:
    """The page's folder."""
    return Output(workspace.training, "learning curves")


def is_current(workspace: Workspace) -> bool:
    """Whether the page shows the curves that lie there now; also where there are neither."""
    output = curves_in(workspace)
    there = any(fold_folders(workspace.nnunet_results))
    return not output.differing(_inputs(workspace)) if output.read() else not there


def write_curves_page(workspace: Workspace) -> Path | None:
    """Write the page, unless it was made from the same curves; None where nothing was ever trained.

    WorkError when another process replaced what it is made from meanwhile.
    """
    output, page = curves_in(workspace), workspace.pages["Training"]
    if not (output.read() or any(fold_folders(workspace.nnunet_results))):
        return None
    inputs = _inputs(workspace)
    if output.made_from(inputs):
        return page
    with output.replaced(inputs) as made:
        found, study = Found.of(workspace), workspace.study
        made.write(NUMBERS, found.table().to_csv(index=False, float_format="%.6g"))
        parts = [_part(model, study, made.folder / "figures", inputs["synthetic"]) for model in found.models]
        folds = [fold for model in found.models for fold in model.folds]
        made.facts["folds"] = len(folds)
        made.facts["at_work"] = sum(fold.done < fold.epochs for fold in folds)
        made.write(page.name, _render(workspace, found, parts, synthetic=inputs["synthetic"]))
    write_page_list(workspace)
    return page


def _inputs(workspace: Workspace) -> dict[str, Any]:
    dataset = workspace.dataset
    has_cohort = dataset.cohort_path.is_file() and (dataset.folder / "dataset.json").is_file()
    return {
        "curves": curves_hash(workspace.nnunet_results),
        "study_sha256": file_hash(workspace.study_file),
        "synthetic": has_cohort and workspace.is_synthetic,
    }


@dataclass(frozen=True)
class Drawn:
    """A figure on the page."""

    path: Path
    alt: str

    @property
    def address(self) -> str:
        """As a data address, so that the page needs no other file."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.path.read_bytes()).decode()}"


@dataclass(frozen=True)
class Part:
    """A model on the page: its figures, a row a fold, and what is to be said of them."""

    title: str
    figures: list[Drawn]
    rows: list[list[str]]
    said: list[str]


def _part(model: Model, study: Study, folder: Path, synthetic: bool) -> Part:
    from bmseg.curves import figures as draw
    from evaluation.figures.files import save_figure

    note, title = synthetic_mark(synthetic), model.title(study)
    made = {
        "loss": (draw.loss_figure(model, note), "loss on training and validation patches"),
        "dice": (draw.dice_figure(model, study, note), "pseudo Dice, a line a level"),
        "seconds": (
            draw.amount_figure(model, "Seconds an epoch", lambda fold: fold.seconds, note),
            "seconds an epoch",
        ),
        "rate": (draw.amount_figure(model, "Learning rate", lambda fold: fold.rate, note), "learning rate"),
    }
    drawn = []
    for name, (figure, what) in made.items():
        (path,) = save_figure(figure, folder, f"{model.folder.replace('/', '-')}_{name}", endings=("svg",))
        drawn.append(Drawn(path, f"{title}: {what} over epochs; the numbers at the end stand in the table"))
    return Part(title, drawn, [_row(fold, study) for fold in model.folds], _said(model.folds))


def _row(fold: Curves, study: Study) -> list[str]:
    from bmseg.curves.figures import label_title

    known = [one for one in fold.seconds if one is not None]
    columns = [[row[place] for row in fold.pseudo_dice] for place in range(len(fold.labels))]
    dice = [
        f"{label_title(values, study)} {_end(column, fold)}"
        for values, column in zip(fold.labels, columns, strict=True)
    ]
    return [
        _name(fold), _state(fold), str(fold.iterations),
        "GPU" if fold.device == "cuda" else fold.device.upper(),
        figures(float(np.median(known))) if known else DASH,
        _end(fold.train_loss, fold), _end(fold.val_loss, fold), "; ".join(dice),
    ]  # fmt: skip


def _state(fold: Curves) -> str:
    at = datetime.fromtimestamp(fold.ended, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if fold.done == fold.epochs:
        return f"all {plural(fold.epochs, 'epoch')}, {at}"
    return f"epoch {fold.done} of {fold.epochs}, {at}; stopped or at work"


def _end(values: Values, fold: Curves) -> str:
    """The mean of the last tenth of the epochs so far, of those that have a number."""
    last = [one for one in values[-max(1, fold.done // 10) :] if one is not None]
    return number(float(np.mean(last))) if last else DASH


def _said(folds: Sequence[Curves]) -> list[str]:
    """What the curves of a model bear out."""
    said = []
    if any(fold.has_regions for fold in folds):
        said.append("It learns nested regions, a level and all above it: its pseudo Dice is of those.")
    for what in ("training", "validation"):
        losses = [fold.train_loss if what == "training" else fold.val_loss for fold in folds]
        said += _gaps(
            [[one is None for one in values] for values in losses], f"the {what} loss was no number"
        )
    of_dice = [[None in row for row in fold.pseudo_dice] for fold in folds]
    said += _gaps(of_dice, "no validation patch held some label, which then has no pseudo Dice")
    for fold in folds:
        if rise := still_rising(fold):
            said.append(
                f"{_name(fold)} had not settled when it ended: mean pseudo Dice still rose in its last "
                f"{rise.epochs} epochs ({number(rise.last, 3)}, in the {rise.epochs} before "
                f"{number(rise.before, 3)})."
            )
    return said


def _gaps(folds: list[list[bool]], why: str) -> list[str]:
    lost, epochs = sum(map(sum, folds)), sum(map(len, folds))
    return [f"In {lost} of {plural(epochs, 'epoch')} {why}: gaps in the line."] if lost else []


def _name(fold: Curves) -> str:
    return "All exams" if fold.fold == "all" else f"Fold {fold.fold}"


def _render(workspace: Workspace, found: Found, parts: list[Part], *, synthetic: bool) -> str:
    page = workspace.pages["Training"]
    return environment().get_template("training.html.j2").render(
        **frame(page, workspace, synthetic=synthetic),
        study=workspace.study.title,
        parts=parts,
        without=found.without,
        damaged=found.damaged,
        numbers=NUMBERS if found.models else "",
        glossed=Glossed(),
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )  # fmt: skip
