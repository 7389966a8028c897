"""nnU-Net's raw format: exams, cohort table, conversion, folds."""
