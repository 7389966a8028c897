"""The synthetic cohort: knees, marrow signal, scanners and readers."""
