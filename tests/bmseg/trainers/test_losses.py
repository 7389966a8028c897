"""The losses that dwell on what is hard, held against other programs'."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from nnunetv2.training.loss.compound_losses import DC_and_CE_loss, DC_and_topk_loss  # noqa: E402
from torchvision.ops import sigmoid_focal_loss  # noqa: E402

from bmseg.trainers import losses  # noqa: E402
from bmseg.trainers.losses import FocalLoss  # noqa: E402
from tests.bmseg.trainers.built import built  # noqa: E402

LABELS = {"background": 0, "level1": 1, "level2": 2, "level3": 3}


def test_of_two_labels_it_is_torchvisions() -> None:
    torch.manual_seed(0)
    score, target = torch.randn(2, 6, 5), torch.randint(0, 2, (2, 6, 5))
    theirs = sigmoid_focal_loss(score, target.float(), alpha=-1, gamma=2, reduction="mean")
    ours = FocalLoss()(torch.stack([torch.zeros_like(score), score], dim=1), target)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_by_hand() -> None:
    # Probabilities 0.1, 0.2, 0.7 and 0.25 of the drawn label; the last pixel is left out.
    p = torch.tensor([[0.1, 0.2, 0.7], [0.25, 0.25, 0.5], [0.3, 0.3, 0.4]]).T[None, :, :, None]
    found = FocalLoss(ignore_index=3)(p.log(), torch.tensor([[[2], [0], [3]]]))
    expected = (0.3**2 * 0.3566749 + 0.75**2 * 1.3862944) / 2
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("name", "kind"), [("Focal", DC_and_CE_loss), ("TopK", DC_and_topk_loss)])
def test_trainers_have_them_at_every_resolution(
    name: str, kind: type, deep: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = built(getattr(losses, f"nnUNetTrainer{'' if deep else 'Quick'}{name}"), tmp_path, LABELS)
    capsys.readouterr()
    trainer._get_deep_supervision_scales = lambda: [[1, 1], [0.5, 0.5]] if deep else None
    made = trainer._build_loss()
    assert trainer.enable_deep_supervision is deep
    inner = made.loss if deep else made
    assert type(inner) is kind
    if name == "Focal":
        assert type(inner.ce) is FocalLoss
        assert inner.ce.ignore_index == -100
    else:
        assert inner.ce.k == 10
