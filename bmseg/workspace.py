"""One benchmark: its study, data set, readers, methods, and every path; no other module joins these paths."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.outputs.locks import locked
from bmseg.outputs.provenance import file_hash
from bmseg.study import DEFAULT_STUDY, Study, load_study
from bmseg.wording import command
from dataset_conversion.files import atomic_path
from dataset_conversion.raw.dataset import RawDataset


class _Below:
    """A path below a workspace's folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __get__(self, workspace: Workspace, _: type) -> Path:
        return workspace.root / self.path


@dataclass(frozen=True)
class Workspace:
    """The folder of one benchmark; nnU-Net's own commands work on it as it stands."""

    #: The folder.
    root: Path
    #: nnU-Net's folder name of the data set, as ``Dataset501_BoneMarrow``.
    dataset_folder: str

    nnunet_raw = _Below("nnUNet_raw")
    nnunet_preprocessed = _Below("nnUNet_preprocessed")
    nnunet_results = _Below("nnUNet_results")
    #: One folder a method.
    predictions_root = _Below("predictions")
    #: Consensus, scores, tables and figures.
    evaluation = _Below("evaluation")
    report = _Below("evaluation/report.html")
    #: Learning curves of its trainings.
    training = _Below("training")
    #: The reference atlas that readers calibrate by.
    atlas = _Below("atlas")
    #: The board of the test exams.
    leaderboard = _Below("leaderboard")
    #: Rounds of iterative segmentation.
    annotation = _Below("annotation")
    #: The page on which readers score masks, and its key.
    reading_room = _Below("reading_room")
    #: The script that tells its pages which others there are.
    page_list = _Below("pages.js")
    #: What each finished stage was made from.
    stages = _Below(".stages")
    #: Jobs submitted to a cluster, and their logs.
    jobs = _Below(".stages/jobs")

    @classmethod
    def of(cls, root: Path | str, study: Study) -> Workspace:
        """The workspace of a study in a folder (which need not exist yet)."""
        return cls(Path(root).resolve(), study.dataset_spec.folder_name)

    @property
    def study_file(self) -> Path:
        """The study file that it was made with."""
        return kept_study(self.root)

    @cached_property
    def study(self) -> Study:
        """Its study."""
        return load_study(self.study_file)

    @property
    def dataset(self) -> RawDataset:
        """The data set in nnU-Net's raw format, to read and to write."""
        return RawDataset.create(self.nnunet_raw, self.study.dataset_spec)

    @property
    def pages(self) -> dict[str, Path]:
        """Title to page, made or not, in the order in which they are offered."""
        return {
            "Workspace": self.root / "index.html",
            "Report": self.report,
            "Exams": self.evaluation / "exams" / "index.html",
            "Training": self.training / "training.html",
            "Leaderboard": self.leaderboard / "site" / "index.html",
            "Atlas": self.atlas / "atlas.html",
            "Reading room": self.reading_room / "for_readers" / "reading_room.html",
        }

    def data_held(self) -> AbstractContextManager[None]:
        """Keep others from the data set: whoever converts, simulates, accepts masks or plans from it."""
        return locked(self.nnunet_raw / ".lock", f"data set in {self.root}")

    @property
    def is_synthetic(self) -> bool:
        """Whether every exam of the cohort is simulated."""
        return is_synthetic(self.dataset.cohort())

    def test_exams(self) -> list[str]:
        """Case identifiers of the test exams.

        InputError when there is none, ConversionError when there is no finished data set.
        """
        dataset = self.dataset
        dataset.cohort()
        if exams := dataset.exams("test"):
            return exams
        raise InputError(f"{dataset.cohort_path}: split: found no test exam, expected at least one")

    def test_images(self, exams: Iterable[str]) -> dict[str, Path]:
        """Test exam to its image, of the first channel; an InputError names the first that is not there."""
        dataset = self.dataset
        images = {exam: dataset.image_path(exam, "test", dataset.spec.channels[0]) for exam in exams}
        if missing := [path for path in images.values() if not path.is_file()]:
            raise InputError(f"{missing[0]}: no such file, expected the image of a test exam; convert again")
        return images

    def readers(self) -> dict[str, Path]:
        """Reader to folder of masks, of those with masks of test exams; without second readings."""
        return self._with_masks(self.study.reader_names)

    def second_readings(self) -> dict[str, Path]:
        """The same of second readings by a reader."""
        return self._with_masks(list(self.study.repeats))

    def _with_masks(self, readers: list[str]) -> dict[str, Path]:
        folders = {reader: self.dataset.readers_folder(reader) for reader in readers}
        return {reader: folder for reader, folder in folders.items() if any(folder.glob("[!.]*.nii.gz"))}

    def methods(self) -> dict[str, Path]:
        """Method to folder of predictions, of those with any."""
        folders = sorted(self.predictions_root.glob("[!.]*"))
        return {folder.name: folder for folder in folders if folder.is_dir()}

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
        """Trained models of the data set, the usual ones."""
        return self.results_of("") / self.dataset_folder

    def results_of(self, variant: str) -> Path:
        """nnU-Net's folder of results, of the networks that a word sets apart (`bmseg.methods.variants`)."""
        return self.nnunet_results / variant

    def variants(self) -> list[str]:
        """Words of the networks of which there are results of the data set; "" of the usual ones."""
        below = self.nnunet_results.glob(f"[!.]*/{self.dataset_folder}")
        return ["", *sorted(path.parent.name for path in below if path.is_dir())]

    def predictions(self, method: str) -> Path:
        """Masks of the test exams, made by a method."""
        return self.predictions_root / method


def workspace_study(root: Path | str, study_file: Path | None = None, *, create: bool = False) -> Study:
    """The study of the workspace in a folder; nothing is written.

    A workspace keeps the study file that it was made with, so that later commands need not name it; a new
    one has by default the reference study. With `create` the workspace may be missing: it is about to be
    made. InputError when it is missing, or was made with another study file.
    """
    kept = kept_study(root)
    if kept.is_file():
        if study_file is not None and load_study(study_file) and file_hash(study_file) != file_hash(kept):
            raise InputError(
                f"{study_file}: study file: found another than the workspace was made with ({kept}); "
                "use a new --workspace, or leave --study out"
            )
        return load_study(kept)
    if not create:
        make = command("phantom", workspace=Path(root))
        raise InputError(
            f"{root}: found no workspace, expected one made by '{make}' or, of your own exams, by "
            "'bmseg convert'; name another with --workspace"
        )
    return load_study(study_file or DEFAULT_STUDY)


def open_workspace(
    root: Path | str, study_file: Path | None = None, *, create: bool = False
) -> tuple[Workspace, Study]:
    """The workspace in a folder and its study; parameters and errors are those of `workspace_study`."""
    study = workspace_study(root, study_file, create=create)
    kept = kept_study(root)
    if not kept.is_file():
        with locked(kept.parent / ".lock", str(kept.parent)):
            # Who was waited for may have kept another.
            study = workspace_study(root, study_file, create=create)
            if not kept.is_file():
                _keep(study, study_file or DEFAULT_STUDY, kept)
    return Workspace.of(root, study), study


def _keep(study: Study, source: Path, kept: Path) -> None:
    """Copy a study file and the printed tables that it names; the study file last."""
    for field, file in study.published.files.items():
        published = source.parent / file
        if not published.is_file():
            raise InputError(f"{source}: published.{field}: no such file: {published}")
        with atomic_path(kept.parent / published.name) as temporary:
            shutil.copyfile(published, temporary)
    with atomic_path(kept) as temporary:
        shutil.copyfile(source, temporary)


def kept_study(root: Path | str) -> Path:
    """Where a workspace keeps its study file."""
    return Path(root) / "study" / "study.toml"


def is_synthetic(cohort: pd.DataFrame) -> bool:
    """Whether cohort.csv says that every exam is simulated."""
    return "synthetic" in cohort and bool(cohort.synthetic.all())
