"""The page of learning curves: every training of a workspace, epoch by epoch, from nnU-Net's own logs."""

from bmseg.curves.page import curves_in, is_current, write_curves_page

__all__ = ["curves_in", "is_current", "write_curves_page"]
