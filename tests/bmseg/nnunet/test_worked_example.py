"""The method that docs/howto/methods.md writes as an example, trained for a moment."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bmseg.methods import Method
from bmseg.nnunet import Training, plan, predict, train
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import PROFILE, TEST_EXAMS, checkpoint, fold_of

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "methods.md"


def test_the_worked_example_trains_and_predicts(planned: Workspace) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    method = names["METHOD"]
    assert isinstance(method, Method)
    training = Training.of(method, replace(PROFILE, epochs=1, iterations=1))
    plan(planned, training.profile, [method])
    train(planned, training, seed=0)
    # What the residual encoder has and the plain one has not.
    assert any(".skip." in name for name in checkpoint(fold_of(planned, training))["network_weights"])
    assert len(predict(planned, training)) == TEST_EXAMS
