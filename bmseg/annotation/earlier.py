"""What the model of the round before draws of a round's exams, so that two models meet on the same exams.

Rounds have different exams, and their Dice differ by how hard those are. Both models are new to a round's
exams: the earlier one was trained before they were corrected.
"""

from __future__ import annotations

from typing import Any

from bmseg.annotation.state import Annotation, Round
from bmseg.errors import InputError
from bmseg.methods import Method, get_method
from bmseg.methods.profiles import get_profile
from bmseg.nnunet import Training, predict
from bmseg.nnunet.environment import say
from bmseg.nnunet.models import trained_model
from bmseg.workspace import Workspace


def draw_with_earlier(
    annotation: Annotation, round_: Round, workspace: Workspace, method: Method
) -> dict[str, Any] | None:
    """Draw a round's exams with the model of the round before, beside the proposals and not for the reader.

    Parameters
    ----------
    annotation : Annotation
    round_ : Round
        Its exams are chosen.
    workspace : Workspace
        The round's own, which holds the exams' images.
    method : Method
        Of this round; another one of the round before is found by its name.

    Returns
    -------
    dict or None
        ``round``, ``model`` and ``checkpoints_sha256`` of the model; None in the first round, and where the
        model is not there any more, which is printed.
    """
    if round_.number == 1:
        return None
    before = annotation.round(round_.number - 1)
    settings = before.read()["settings"]
    name = settings["method"]
    training = Training.of(
        method if name == method.name else get_method(name), get_profile(settings["profile"])
    )
    try:
        model = trained_model(
            Workspace(before.training, workspace.dataset_folder), training, tuple(settings["folds"])
        )
    except InputError as error:
        say(f"round {before.number}: its model does not draw these exams for comparison: {error}")
        return None
    predict(workspace, training, exams=round_.exams, out=round_.earlier_masks, model=model)
    return {"round": before.number, "model": model.folder.name, "checkpoints_sha256": model.checkpoints()}
