"""What a method is, and the known ones by name: bmseg's own modules and those of other packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from bmseg.errors import InputError, WorkError
from bmseg.wording import meant

#: From nnU-Net's planned configuration ``2d``, a configuration of one's own.
Configure = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """How a method is trained and predicts under one profile."""

    #: Name of the configuration in nnU-Net's plans.
    configuration: str
    #: nnU-Net's own trainer class by its name, or another by its dotted path
    #: (``bmseg.trainers.unet.nnUNetTrainerUNet``), whose ``__init__`` has nnU-Net's exact signature.
    trainer: str
    #: The trainer when epochs or iterations are given by hand; None where `trainer` takes them.
    trainer_with_schedule: str | None = None
    #: Makes `configuration` from nnU-Net's ``2d``: a dict with ``inherits_from`` and what differs.
    #: None for a configuration that nnU-Net plans itself.
    configure: Configure | None = None
    #: An experiment planner of nnU-Net's (``nnUNetPlannerResEncL``), whose ``2d`` becomes `configuration`.
    planner: str | None = None
    #: Of the first epoch; None leaves the trainer's own.
    learning_rate: float | None = None
    #: Average predictions over mirrored slices.
    mirroring: bool = True


@dataclass(frozen=True)
class Method:
    """A way to segment that bmseg can train, predict with and compare: ``bmseg train <name>``.

    `summary` is its line in ``bmseg methods``; `recipes` has one for each profile that it knows; `title`
    is what bmseg's own are shown as (a study file names the others).
    """

    name: str
    summary: str
    recipes: Mapping[str, Recipe]
    title: str = ""

    def recipe(self, profile: str) -> Recipe:
        """The recipe of a profile; InputError when the method has none."""
        if profile not in self.recipes:
            raise InputError(
                f"method {self.name}: found no recipe for --profile {profile}, expected one of "
                f"{', '.join(self.recipes)}"
            )
        return self.recipes[profile]


#: bmseg's own, in the order in which they are listed; each module holds a `Method` named ``METHOD``.
_OWN = ["nnunet", "nnunet_resenc", "nnunet_resenc_m", "unet", "nnunet_ordinal", "nnunet_topk"]
_ENTRY_POINTS = "bmseg.methods"


def methods() -> dict[str, Method]:
    """Every known method by its name: bmseg's own first, then those of other packages.

    InputError when two methods have one name, WorkError when another package's cannot be imported.
    """
    found = _own_methods()
    found += [_loaded(point) for point in sorted(entry_points(group=_ENTRY_POINTS))]
    names = [method.name for method in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"methods: found {', '.join(twice)} more than once, expected once; rename one")
    return dict(zip(names, found, strict=True))


def own_titles() -> dict[str, str]:
    """Name to what it is shown as, of bmseg's own: those of other packages are not imported for that.

    Examples
    --------
    >>> own_titles()["nnunet"]
    'nnU-Net'
    """
    return {method.name: method.title for method in _own_methods() if method.title}


def get_method(name: str) -> Method:
    """The method of a name; InputError when there is none.

    Examples
    --------
    >>> get_method("unet").recipe("full").configuration
    '2d_unet'
    """
    known = methods()
    if name not in known:
        raise InputError(f"method: found '{name}', expected one of {', '.join(known)}{meant(name, known)}")
    return known[name]


def trainer_paths() -> dict[str, str]:
    """Class name to dotted path, of every trainer that nnU-Net's search has to find.

    InputError when two have one class name: nnU-Net knows them, and the folders of their models, by it.
    """
    found: dict[str, str] = {}
    recipes = [recipe for method in methods().values() for recipe in method.recipes.values()]
    for path in (path for recipe in recipes for path in (recipe.trainer, recipe.trainer_with_schedule)):
        if path is None or "." not in path:  # nnU-Net's own
            continue
        name = path.rpartition(".")[2]
        if found.setdefault(name, path) != path:
            raise InputError(f"trainer {name}: found {found[name]} and {path}, expected one; rename a class")
    return found


def packages_of_methods() -> list[str]:
    """Packages that bring methods of others, by their top-level names."""
    return sorted({point.module.partition(".")[0] for point in entry_points(group=_ENTRY_POINTS)})


def _own_methods() -> list[Method]:
    return [import_module(f"bmseg.methods.{module}").METHOD for module in _OWN]


def _loaded(point: Any) -> Method:
    try:
        method = point.load()
    except Exception as error:  # another package's import can fail in any way
        reason = " ".join(str(error).split()) or "no message"
        raise WorkError(
            f"method {point.name} ({point.value}): {type(error).__name__}: {reason}; mend or uninstall the "
            "package that brings it"
        ) from error
    if not isinstance(method, Method):
        raise InputError(f"method {point.name} ({point.value}): found {method!r}, expected a bmseg Method")
    return method
