"""Raters compared on the same exams: models with readers, models with each other, verdicts."""
