"""U-Net-aided segmentation round by round: a model proposes masks, a reader corrects them."""
