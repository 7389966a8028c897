"""nnU-Net seen from here: plan and preprocess, train, predict, all in one workspace.

nnU-Net and torch are imported when one of these functions is called, not before.
"""

from bmseg.nnunet.environment import nnunet_variables
from bmseg.nnunet.plan import plan
from bmseg.nnunet.predict import predict
from bmseg.nnunet.train import train
from bmseg.nnunet.training import Training

__all__ = ["Training", "nnunet_variables", "plan", "predict", "train"]
