"""Which models of a workspace are networks of one method that differ in their seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bmseg.methods.variants import first_networks, method_and_variant
from bmseg.outputs.provenance import read_record
from bmseg.workspace import Workspace

_MADE_FROM, _INPUTS = "made_from.json", "bmseg_inputs.json"


def networks_in(workspace: Workspace, models: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Network of a further seed to the first of its method, and a line for each that is trained otherwise.

    Names say which belong together (`bmseg.methods.variants`). Where records of predictions and trainings
    differ in anything but the seed, or not even in that, the spread between the two would not be one of
    seeds: such a model is judged by itself. Where there is no record, names are taken at their word.
    """
    found, told = {}, []
    for other, first in first_networks(models).items():
        ours, theirs = (_made_from(workspace, name) for name in (other, first))
        both = [of for of in ours if of in theirs]
        same_seed = any(of[0] == "seed" and ours[of] == theirs[of] for of in both)
        if others := dict.fromkeys(of[0] for of in both if of[0] != "seed" and ours[of] != theirs[of]):
            why = f"found another {', '.join(others)} than {first} has"
        elif same_seed:
            why = f"found the seed of {first}"
        else:
            found[other] = first
            continue
        told.append(f"{other}: {why}, expected networks that differ in their seed alone; judged by itself")
    return found, told


def _made_from(workspace: Workspace, name: str) -> dict[tuple[str, Any], Any]:
    """What is on record of the networks that made a rater's masks, by its name and fold.

    Nothing of masks put there by hand.
    """
    model = read_record(workspace.predictions(name) / _MADE_FROM).get("model") or {}
    if not {"folder", "folds"} <= {*model}:
        return {}
    found: dict[tuple[str, Any], Any] = {(name, None): model[name] for name in ("folder", "folds")}
    results = workspace.results_of(method_and_variant(name)[1].word) / workspace.dataset_folder
    for fold in model["folds"]:
        inputs = read_record(results / str(model["folder"]) / f"fold_{fold}" / _INPUTS).get("inputs") or {}
        found |= {(name, fold): value for name, value in inputs.items()}
    return found
