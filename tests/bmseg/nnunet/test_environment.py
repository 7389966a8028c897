from __future__ import annotations

from pathlib import Path

import pytest

from bmseg.errors import InputError, WorkError
from bmseg.methods import Method
from bmseg.methods.profiles import FULL
from bmseg.nnunet import train
from bmseg.nnunet.environment import logged
from bmseg.nnunet.training import Training
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import RECIPE

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def test_a_failure_names_the_log_and_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    with pytest.raises(WorkError) as caught, logged(log, "training"):
        print("using fold 0")
        raise ValueError("shapes\ndiffer")
    assert str(caught.value) == (
        f"training: ValueError: shapes differ; nnU-Net's last lines: using fold 0; all of them: {log}"
    )
    assert "Traceback" in log.read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_full_without_a_gpu(planned: Workspace) -> None:
    method = Method("tiny", "", {"full": RECIPE})
    message = r"^device: found no CUDA GPU.*, expected one for --profile full; use --profile quick$"
    with pytest.raises(InputError, match=message):
        train(planned, Training.of(method, FULL), seed=0)
