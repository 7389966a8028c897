"""The vanilla U-Net against the paper: Ronneberger, Fischer and Brox, MICCAI 2015, LNCS 9351:234."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from bmseg.networks.unet import UNet  # noqa: E402

PAPER = (64, 128, 256, 512, 1024)
SMALL = (2, 3, 4, 5, 6)


def made(features: tuple[int, ...] = SMALL, channels: int = 1, classes: int = 2, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    network = UNet(channels, classes, features)
    return network.apply(network.initialize)


def valid_unet(weights: list[Any], image: Any) -> Any:
    """The paper's network, without padding, from a list of weight and bias of each layer in order.

    10 convolutions down, then for each stage up the up-convolution and two convolutions, then the last.
    """
    down, up, merge, last = weights[:10], weights[10:14], weights[14:22], weights[22]
    kept = []
    for stage in range(5):
        image = functional.max_pool2d(image, 2) if stage else image
        for weight, bias in down[2 * stage : 2 * stage + 2]:
            image = functional.conv2d(image, weight, bias).relu()
        kept.append(image)
    for stage in range(4):
        image = functional.conv_transpose2d(image, *up[stage], stride=2)
        copy = kept[3 - stage]
        rim = (copy.shape[-1] - image.shape[-1]) // 2
        image = torch.cat([copy[..., rim:-rim, rim:-rim], image], dim=1)
        for weight, bias in merge[2 * stage : 2 * stage + 2]:
            image = functional.conv2d(image, weight, bias).relu()
    return functional.conv2d(image, *last)


def test_inside_it_computes_what_the_papers_unpadded_network_does() -> None:
    network = made().double().eval()
    layers = [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)]
    for layer in layers:
        nn.init.normal_(layer.bias)
    image = torch.randn(1, 1, 192, 192, dtype=torch.double)
    with torch.no_grad():
        padded = network(image)
        # From 188 pixels the paper's network makes 4. At an offset of 2 its poolings meet the same pixels.
        valid = valid_unet([(one.weight, one.bias) for one in layers], image[..., 2:190, 2:190])
    assert padded.shape[-2:] == (192, 192)
    assert valid.shape[-2:] == (4, 4)
    assert valid.std() > 0.01
    torch.testing.assert_close(padded[..., 94:98, 94:98], valid)


@pytest.mark.parametrize("shape", [(16, 16), (48, 80), (192, 32)])
def test_the_output_has_the_size_of_the_input(shape: tuple[int, int]) -> None:
    scores = made(channels=2, classes=4)(torch.randn(3, 2, *shape))
    assert scores.shape == (3, 4, *shape)


def test_the_papers_network_has_its_23_layers_and_its_number_of_parameters() -> None:
    """One channel, two classes.

    31,030,658 is counted by G. Chlebus for his TensorFlow implementation ("Looking under the hood of
    tensorflow models", 2018) and by others for tf_unet with 5 layers and 64 features. The Keras one of
    zhixuhao/unet has 31,031,685: a 3x3 convolution to 2 maps and a 1x1 to one, 1,157 parameters, in place
    of the last layer's 130.
    """
    with torch.device("meta"):
        network = UNet(1, 2, PAPER)
    layers = [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)]
    counted = sum(weights.numel() for weights in network.parameters())
    assert len(layers) == 23
    assert counted == 31_030_658 == 31_031_685 - (2 * (64 * 9 + 1) + 3) + 130
    assert [layer.out_channels for layer in network.up] == [512, 256, 128, 64]
    assert [layer.in_channels for layer in network.up] == [1024, 512, 256, 128]


def test_fewer_resolutions_for_small_slices() -> None:
    scores = made((4,))(torch.randn(1, 1, 3, 5))
    assert scores.shape == (1, 2, 3, 5)
    assert made((4, 8))(torch.randn(1, 1, 6, 2)).shape == (1, 2, 6, 2)


@pytest.mark.parametrize("layer", ["down.1.0", "merge.0.0", "up.0", "output"])
def test_weights_have_variance_2_by_the_number_of_inputs(layer: str) -> None:
    """N: "the number of incoming nodes of one neuron". A 2x2 up-convolution of stride 2 lays no two kernels
    over each other, so that a node gets one value a feature map.
    """
    module = made((64, 128, 256), classes=40).get_submodule(layer)
    is_up = isinstance(module, nn.ConvTranspose2d)
    incoming = module.in_channels * (1 if is_up else math.prod(module.kernel_size))
    assert module.weight.var().item() == pytest.approx(2 / incoming, rel=0.1)
    assert abs(module.weight.mean().item()) < 0.1 * math.sqrt(2 / incoming)
    # Normal, not uniform: a normal distribution has kurtosis 3, a uniform one 1.8.
    assert (module.weight**4).mean().item() == pytest.approx(3 * (2 / incoming) ** 2, rel=0.3)
    assert not module.bias.any()


def test_dropout_at_the_end_of_the_contracting_path_in_training_only() -> None:
    network = made()
    dropped = []
    network.dropout.register_forward_hook(lambda _, given, __: dropped.append(given[0].shape[1:]))
    image = torch.randn(1, 1, 32, 32)
    network.train()
    assert not torch.equal(network(image), network(image))
    assert dropped[:2] == [(SMALL[3], 4, 4), (SMALL[4], 2, 2)]
    assert len(dropped) == 4
    network.eval()
    assert torch.equal(network(image), network(image))


def test_deep_supervision_is_refused() -> None:
    assert UNet(1, 2, SMALL, deep_supervision=False).output.out_channels == 2
    with pytest.raises(ValueError, match=r"^deep_supervision: found True, expected False"):
        UNet(1, 2, SMALL, deep_supervision=True)
