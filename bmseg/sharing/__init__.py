"""A trained model as one file, and its use on new images somewhere else; docs/howto/sharing.md is its page.

nnU-Net and torch are imported when one of these functions is called, not before.
"""

from bmseg.sharing.archive import export_model
from bmseg.sharing.new_images import predict_images

__all__ = ["export_model", "predict_images"]
