"""The trainings of a workspace that have curves, and those that have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd

from bmseg.errors import InputError
from bmseg.methods import own_titles
from bmseg.methods.variants import method_and_variant
from bmseg.nnunet.curves import CURVES, Curves, read_curves
from bmseg.outputs.provenance import files_hash
from bmseg.study import Study
from bmseg.workspace import Workspace


@dataclass(frozen=True)
class Model:
    """The folds of one model, in order; `folder` is nnU-Net's, below its results."""

    folder: str
    folds: tuple[Curves, ...]

    @property
    def rater(self) -> str:
        """The network's name."""
        return self.folds[0].rater

    @property
    def epochs(self) -> int:
        """The most that a fold is to have."""
        return max(fold.epochs for fold in self.folds)

    def title(self, study: Study) -> str:
        """The network as it is shown, and what else tells the model from others."""
        method, variant = method_and_variant(self.rater)
        shown = study.titles.get(self.rater) or variant.title(study.shown(method))
        seeds = ", ".join(map(str, dict.fromkeys(fold.seed for fold in self.folds)))
        seed = f", seed {seeds}" if variant.seed is None else ""
        return f"{shown}, profile {self.folds[0].profile}{seed}"


@dataclass(frozen=True)
class Found:
    """What there is: models with curves; folds without any; records that cannot be read, and why."""

    models: tuple[Model, ...]
    without: tuple[str, ...]
    damaged: tuple[str, ...]

    @classmethod
    def of(cls, workspace: Workspace) -> Found:
        """Every fold below nnU-Net's results, whatever the folders between are called."""
        results = workspace.nnunet_results
        read, without, damaged = list[tuple[str, Curves]](), list[str](), list[str]()
        for folder in fold_folders(results):
            name = folder.relative_to(results).as_posix()
            try:
                curves = read_curves(folder)
            except InputError as error:
                damaged.append(str(error).replace(f"{results}/", ""))
                continue
            if curves:
                read.append((name.rpartition("/")[0], curves))
            else:
                without.append(name)
        models = [
            Model(
                name, tuple(sorted((curves for _, curves in group), key=lambda one: str(one.fold).zfill(4)))
            )
            for name, group in groupby(read, key=lambda pair: pair[0])
        ]
        order = list(own_titles())
        methods = {model.rater: method_and_variant(model.rater)[0] for model in models}
        models.sort(key=lambda one: [*order, methods[one.rater]].index(methods[one.rater]))
        return cls(tuple(models), tuple(without), tuple(damaged))

    def table(self) -> pd.DataFrame:
        """All of it as numbers: a row an epoch of a fold, pseudo Dice by the values that it is of."""
        rows = []
        for model in self.models:
            for one in model.folds:
                about = {
                    "model": model.folder, "rater": one.rater, "profile": one.profile, "seed": one.seed,
                    "fold": one.fold,
                }  # fmt: skip
                names = [f"pseudo_dice_{'+'.join(map(str, values))}" for values in one.labels]
                for epoch in range(one.done):
                    logged = {
                        "epoch": epoch + 1, "train_loss": one.train_loss[epoch],
                        "val_loss": one.val_loss[epoch], "learning_rate": one.rate[epoch],
                        "seconds": one.seconds[epoch],
                    }  # fmt: skip
                    rows.append({**about, **logged, **dict(zip(names, one.pseudo_dice[epoch], strict=True))})
        return pd.DataFrame(rows)


def fold_folders(results: Path) -> Iterator[Path]:
    """nnU-Net's folders of folds, sorted."""
    yield from sorted(path for path in results.glob("**/fold_*") if path.is_dir())


def curves_hash(results: Path) -> str:
    """SHA-256 over which folds there are, and their curves."""
    folders = list(fold_folders(results))
    kept = {folder.relative_to(results).as_posix(): folder / CURVES for folder in folders}
    there = files_hash({name: path for name, path in kept.items() if path.is_file()})
    return f"{there}, {sum(not path.is_file() for path in kept.values())} without"
