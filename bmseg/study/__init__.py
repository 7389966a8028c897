"""What is segmented, by whom, and by which rules: the study file."""

from bmseg.study.file import (
    DEFAULT_STUDY,
    STUDIES,
    Study,
    in_one_line,
    load_study,
)

__all__ = ["DEFAULT_STUDY", "STUDIES", "Study", "in_one_line", "load_study"]
