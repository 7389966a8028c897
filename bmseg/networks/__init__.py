"""Networks that nnU-Net's plans name by their dotted path; importing one imports torch."""
