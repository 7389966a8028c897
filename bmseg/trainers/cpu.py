"""Networks that compute fast on CPU cores, in training and in prediction."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from torch import nn


class CPUPredictor(nnUNetPredictor):  # type: ignore[misc]
    """nnU-Net's predictor with a network that is fast on a CPU and sees a tile's mirror images at once."""

    def manual_initialization(self, network: nn.Module, *args: Any) -> None:
        """Take a network as nnU-Net does; the other parameters are nnU-Net's."""
        super().manual_initialization(network, *args)
        speed_up_on_cpu(network)

    @torch.inference_mode()
    def _internal_maybe_mirror_and_predict(self, x: torch.Tensor) -> torch.Tensor:
        axes = [axis + 2 for axis in self.allowed_mirroring_axes or ()] if self.use_mirroring else []
        mirrored = list(chain.from_iterable(combinations(axes, count) for count in range(len(axes) + 1)))
        scores = self.network(torch.cat([x.flip(flipped) for flipped in mirrored])).split(len(x))
        return sum(one.flip(flipped) for one, flipped in zip(scores, mirrored, strict=True)) / len(mirrored)


def speed_up_on_cpu(network: nn.Module) -> str:
    """Let a 2-D network compute channels last, and in bfloat16 where the CPU has instructions for it.

    Weights, inputs and outputs stay float32, so that checkpoints, loss and optimiser notice nothing.
    On two cores of an AMD EPYC 9004 a training step of the quick network takes half the time. What it
    computes differs from float32 by rounding, and so between CPUs with and without bfloat16.

    It is changed in place, and weights may be loaded into it afterwards. Returns what it computes in,
    "bfloat16" or "float32". ValueError when the network was already given to this function.
    """
    if "forward" in vars(network):
        raise ValueError("network: found one that is fast already, expected each once")
    network.to(memory_format=torch.channels_last)
    halved = has_bfloat16()
    if halved:
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.stride != (1, 1):
                _keep_float32(module)
    compute = network.forward

    def forward(images: torch.Tensor) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halved):
            made = compute(images.contiguous(memory_format=torch.channels_last))
        # Deep supervision gives several.
        return [one.float() for one in made] if isinstance(made, list | tuple) else made.float()

    network.forward = forward  # type: ignore[method-assign]
    return "bfloat16" if halved else "float32"


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself; where it is emulated, float32 is faster."""
    # torch has no public name for these; a release without them computes in float32.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


def _keep_float32(module: nn.Module) -> None:
    """Leave a strided convolution out of bfloat16."""
    # oneDNN's bfloat16 kernel for the gradient of its weights lets threads spin at a barrier: where two
    # threads share a core, because other programs run, that took 30 ms a layer instead of 1.
    compute = module.forward

    def forward(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            return compute(images.float()).to(images.dtype)

    module.forward = forward  # type: ignore[method-assign]
