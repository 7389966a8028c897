"""A network that is fast on a CPU computes the same, and its weights stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from torch import nn  # noqa: E402

from bmseg.networks.unet import UNet  # noqa: E402
from bmseg.trainers.cpu import CPUPredictor, speed_up_on_cpu  # noqa: E402

SUPPORT = "bmseg.trainers.cpu.has_bfloat16"


def network() -> nn.Module:
    torch.manual_seed(0)
    return UNet(1, 3, (4, 8, 16)).eval()


@pytest.fixture
def images() -> Any:
    return torch.rand((2, 1, 32, 48), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("native", "name", "error"), [(True, "bfloat16", 0.03), (False, "float32", 1e-5)])
def test_the_scores_are_the_same_but_for_rounding(
    native: bool, name: str, error: float, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, fast = network(), network()
    monkeypatch.setattr(SUPPORT, lambda: native)
    assert speed_up_on_cpu(fast) == name
    with torch.no_grad():
        expected, scores = plain(images), fast(images)
    assert scores.dtype == torch.float32
    difference = (scores - expected).abs().max() / expected.std()
    assert difference < error
    # Rounding there is: the network does compute in bfloat16.
    assert (difference > 1e-4) == native


def test_weights_and_their_gradients_stay_float32(images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SUPPORT, lambda: True)
    plain, fast = network(), network()
    speed_up_on_cpu(fast)
    assert fast.state_dict().keys() == plain.state_dict().keys()
    for net in (plain, fast):
        net(images).square().mean().backward()
    for one, other in zip(fast.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.dtype == one.grad.dtype == torch.float32
        assert (one.grad - other.grad).norm() < 0.05 * other.grad.norm()


def test_weights_loaded_afterwards_are_those_it_computes_with(images: Any) -> None:
    fast, other = network(), network()
    speed_up_on_cpu(fast)
    with torch.no_grad():
        before = fast(images)
        for weights in other.parameters():
            weights.mul_(1.5)
        fast.load_state_dict(other.state_dict())
        assert not torch.allclose(fast(images), before, atol=0.1)


class Seen:
    """Records the precision in which a layer is computed."""

    def __init__(self) -> None:
        self.precisions: list[Any] = []

    def conv2d(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(images: Any, *arguments: Any, **named: Any) -> Any:
            made = make(images, *arguments, **named)
            self.precisions.append(made.dtype)
            return made

        return recorded


def test_strided_convolutions_stay_float32(images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SUPPORT, lambda: True)
    seen = Seen()
    fast = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, stride=2), nn.Conv2d(4, 4, 3))
    monkeypatch.setattr("torch.nn.functional.conv2d", seen.conv2d(torch.nn.functional.conv2d))
    speed_up_on_cpu(fast)
    fast(images)
    assert seen.precisions == [torch.bfloat16, torch.float32, torch.bfloat16]


def test_several_outputs_as_with_deep_supervision(images: Any) -> None:
    class Two(nn.Module):
        def forward(self, x: Any) -> list[Any]:
            return [x.bfloat16(), x[..., ::2].bfloat16()]

    fast = Two()
    speed_up_on_cpu(fast)
    assert [(one.dtype, one.shape[-1]) for one in fast(images)] == [
        (torch.float32, 48), (torch.float32, 24)
    ]  # fmt: skip


def test_twice_is_refused() -> None:
    fast = network()
    speed_up_on_cpu(fast)
    with pytest.raises(ValueError, match=r"^network: found one that is fast already"):
        speed_up_on_cpu(fast)


@pytest.mark.parametrize(("use", "axes"), [(True, (1,)), (True, (0, 1)), (True, None), (False, (0, 1))])
def test_mirror_images_in_one_batch_give_nnunets_mean(use: bool, axes: Any, images: Any) -> None:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    given = SimpleNamespace(network=network(), use_mirroring=use, allowed_mirroring_axes=axes)
    expected = nnUNetPredictor._internal_maybe_mirror_and_predict(given, images[:1])
    assert torch.allclose(
        CPUPredictor._internal_maybe_mirror_and_predict(given, images[:1]), expected, atol=1e-5
    )
