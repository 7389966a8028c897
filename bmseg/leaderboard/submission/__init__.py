"""A submission, checked as a stranger's: is there a sound mask of each test exam, and nothing else?"""

from bmseg.leaderboard.submission.check import CheckedSubmission, check_submission, masks_sha256
from bmseg.leaderboard.submission.files import Fault

__all__ = ["CheckedSubmission", "Fault", "check_submission", "masks_sha256"]
