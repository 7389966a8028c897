"""The 2-D U-Net of Ronneberger, Fischer and Brox."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

_DROPOUT = 0.5


class UNet(nn.Module):
    """U-Net as published, with padded convolutions.

    Two 3x3 convolutions with ReLU a stage, 2x2 max-pooling, 2x2 up-convolution that halves the feature
    maps (without ReLU: the paper names none), concatenation with the stage of the same resolution, a last
    1x1 convolution; dropout at the end of the contracting path; weights drawn from a normal distribution of
    variance 2 / N for N inputs of a value.

    It departs from the paper in one point: convolutions are padded with zeros, so that the output has the
    size of the input. The paper's lose the rim of every patch and are cropped, which nnU-Net's loss and
    prediction have no place for.

    Parameters
    ----------
    input_channels, num_classes : int
    features_per_stage : sequence of int
        Feature maps of each resolution, finest first; the paper's are 64, 128, 256, 512 and 1024.
    deep_supervision : bool
        nnU-Net passes it; the U-Net has none.

    References
    ----------
    Ronneberger O, Fischer P, Brox T. U-Net: convolutional networks for biomedical image segmentation.
    MICCAI 2015, LNCS 9351:234.
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        features_per_stage: Sequence[int],
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        if deep_supervision:
            raise ValueError("deep_supervision: found True, expected False: the U-Net has one output")
        before = [input_channels, *features_per_stage]
        self.down = nn.ModuleList(map(_two_convolutions, before, features_per_stage))
        self.pool = nn.MaxPool2d(2)
        # "At the end of the contracting path": in the authors' network before and after the last pooling.
        self.dropout = nn.Dropout(_DROPOUT)
        self.up = nn.ModuleList()
        self.merge = nn.ModuleList()
        for coarse, fine in zip(features_per_stage[:0:-1], features_per_stage[-2::-1], strict=True):
            self.up.append(nn.ConvTranspose2d(coarse, fine, kernel_size=2, stride=2))
            self.merge.append(_two_convolutions(2 * fine, fine))
        self.output = nn.Conv2d(features_per_stage[0], num_classes, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores, shape (batch, num_classes, rows, columns), of images (batch, channels, rows, columns).

        Rows and columns are divisible by 2 to the number of poolings.
        """
        kept = []
        last = len(self.down) - 1
        for stage, convolutions in enumerate(self.down):
            x = convolutions(self.pool(x) if stage else x)
            if stage >= last - 1:
                x = self.dropout(x)
            kept.append(x)
        for up, merge, fine in zip(self.up, self.merge, kept[-2::-1], strict=True):
            x = merge(torch.cat([fine, up(x)], dim=1))
        return self.output(x)

    @staticmethod
    def initialize(module: nn.Module) -> None:
        """Draw the weights of one module; nnU-Net applies this to every one."""
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            # Kernels of an up-convolution do not overlap: a value has one input a feature map.
            pixels = 1 if isinstance(module, nn.ConvTranspose2d) else math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2 / (pixels * module.in_channels)))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _two_convolutions(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(after, after, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
    )
