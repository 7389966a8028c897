"""nnU-Net with its residual encoder, preset M, made for 10 GB; see `bmseg.methods.nnunet_resenc`."""

from bmseg.methods.nnunet_resenc import planned
from bmseg.methods.registry import Method

METHOD = Method(
    name="nnunet_resenc_m",
    title="nnU-Net ResEnc M",
    summary="the same, preset M",
    recipes={"full": planned("M")},
)
