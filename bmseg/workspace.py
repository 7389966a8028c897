"""Every path of one benchmark, in one place: no other module joins these paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bmseg.study import Study


@dataclass(frozen=True)
class Workspace:
    """The folder of one benchmark; nnU-Net's own commands work on it as it stands.

    Parameters
    ----------
    root : Path
        The folder.
    dataset_folder : str
        nnU-Net's folder name of the data set, as ``Dataset501_BoneMarrow``.
    """

    root: Path
    dataset_folder: str

    @classmethod
    def of(cls, root: Path | str, study: Study) -> Workspace:
        """The workspace of a study in a folder (which need not exist yet)."""
        return cls(Path(root).resolve(), study.dataset_spec.folder_name)

    @property
    def nnunet_raw(self) -> Path:
        """What nnU-Net calls ``nnUNet_raw``."""
        return self.root / "nnUNet_raw"

    @property
    def nnunet_preprocessed(self) -> Path:
        """What nnU-Net calls ``nnUNet_preprocessed``."""
        return self.root / "nnUNet_preprocessed"

    @property
    def nnunet_results(self) -> Path:
        """What nnU-Net calls ``nnUNet_results``."""
        return self.root / "nnUNet_results"

    @property
    def raw_dataset(self) -> Path:
        """The data set in nnU-Net's raw format."""
        return self.nnunet_raw / self.dataset_folder

    @property
    def preprocessed_dataset(self) -> Path:
        """Plans, fingerprint and preprocessed exams."""
        return self.nnunet_preprocessed / self.dataset_folder

    @property
    def results_dataset(self) -> Path:
        """Trained models of the data set."""
        return self.nnunet_results / self.dataset_folder

    def predictions(self, method: str) -> Path:
        """Masks of the test exams, made by a method."""
        return self.root / "predictions" / method

    @property
    def predictions_root(self) -> Path:
        """One folder a method."""
        return self.root / "predictions"

    @property
    def evaluation(self) -> Path:
        """Consensus, scores, tables and figures."""
        return self.root / "evaluation"

    @property
    def report(self) -> Path:
        """The one-page report."""
        return self.evaluation / "report.html"

    @property
    def atlas(self) -> Path:
        """The reference atlas that readers calibrate by."""
        return self.root / "atlas"

    @property
    def leaderboard(self) -> Path:
        """The board of the test exams."""
        return self.root / "leaderboard"

    @property
    def annotation(self) -> Path:
        """Rounds of iterative segmentation."""
        return self.root / "annotation"

    @property
    def reading_room(self) -> Path:
        """The page on which readers score masks, and its key."""
        return self.root / "reading_room"

    @property
    def stages(self) -> Path:
        """What each finished stage was made from."""
        return self.root / ".stages"

    @property
    def jobs(self) -> Path:
        """Jobs submitted to a cluster, and their logs."""
        return self.stages / "jobs"
