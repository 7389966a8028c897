"""nnU-Net trainer classes; nnU-Net's own commands find them through ``nnUNet_extTrainer``.

Importing one imports nnU-Net and torch.
"""
