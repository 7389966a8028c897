"""The folder that ``nnUNet_extTrainer`` names; nnU-Net imports each module in it by its bare name."""
