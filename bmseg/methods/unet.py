"""The vanilla 2-D U-Net of Ronneberger, Fischer and Brox (MICCAI 2015): the baseline to beat.

The network is `bmseg.networks.unet.UNet`, its training `bmseg.trainers.unet.nnUNetTrainerUNet`; both say
where they depart from the paper. Exams, folds, preprocessing, sampling of patches, number of epochs and
steps, and sliding-window prediction are those of the method nnunet.
"""

from functools import partial

from bmseg.methods.configurations import vanilla_unet
from bmseg.methods.registry import Method, Recipe

_TRAINER = "bmseg.trainers.unet.nnUNetTrainerUNet"

METHOD = Method(
    name="unet",
    title="U-Net",
    summary="vanilla 2-D U-Net (Ronneberger 2015): cross-entropy, flips only, one network",
    recipes={
        # The paper's five resolutions with a quarter of its feature maps.
        "quick": Recipe(
            configuration="2d_unet_quick",
            trainer=_TRAINER,
            configure=partial(vanilla_unet, features=(16, 32, 64, 128, 256), patch=(128, 128), batch=4),
            mirroring=False,
        ),
        "full": Recipe(
            configuration="2d_unet",
            trainer=_TRAINER,
            configure=partial(vanilla_unet, features=(64, 128, 256, 512, 1024)),
            mirroring=False,
        ),
    },
)
