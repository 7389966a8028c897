"""What is segmented, by whom, and by which rules: the study file."""

from bmseg.study.faults import in_one_line
from bmseg.study.file import DEFAULT_STUDY, STUDIES, Level, Study, load_study
from bmseg.study.rules import Name

__all__ = ["DEFAULT_STUDY", "STUDIES", "Level", "Name", "Study", "in_one_line", "load_study"]
