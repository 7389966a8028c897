"""Scanner and reader files to an nnU-Net raw data set."""
