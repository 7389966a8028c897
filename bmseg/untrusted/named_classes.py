"""The classes that plans and manifest name by text: only those of nnU-Net, torch.nn and installed methods."""

from __future__ import annotations

import pydoc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.methods import packages_of_methods
from bmseg.nnunet.environment import trainer_class
from bmseg.nnunet.training import configuration_of

#: Where networks and their layers may come from, beside packages of installed methods.
_NETWORKS = ("torch.nn", "dynamic_network_architectures", "bmseg.networks")
# What nnU-Net looks for by name, and below which of its packages.
_IN_CONFIGURATION = {
    "preprocessor_name": "preprocessing",
    "resampling_fn_data": "preprocessing.resampling",
    "resampling_fn_seg": "preprocessing.resampling",
    "resampling_fn_probabilities": "preprocessing.resampling",
}


def check_classes(plans: Mapping[str, Any], configuration: str, trainer: str, source: str) -> None:
    """Refuse plans that name a class from elsewhere: nnU-Net would import and call whatever it is.

    Within `bmseg.nnunet.environment.nnunet_environment`, so that trainers of methods are found. `source` is
    the plans' name in messages. Raises an `InputError` that names the field and what was found.
    """
    try:
        trainer_class(trainer)
    except (RuntimeError, AssertionError, TypeError):
        raise InputError(
            f"{source}: trainer: found '{trainer}', expected one of nnU-Net's or of an installed method; "
            "install the package that brings the method"
        ) from None
    try:
        chosen = configuration_of(plans, configuration)
        architecture = chosen["architecture"]
        networks = {"network_class_name": architecture["network_class_name"]}
        for name in architecture["_kw_requires_import"]:
            if architecture["arch_kwargs"][name] is not None:
                networks[f"arch_kwargs.{name}"] = architecture["arch_kwargs"][name]
        named = {field: (chosen[field], below) for field, below in _IN_CONFIGURATION.items()}
        for place, scheme in enumerate(chosen["normalization_schemes"]):
            named[f"normalization_schemes.{place}"] = (scheme, "preprocessing.normalization")
        named["image_reader_writer"] = (plans["image_reader_writer"], "imageio")
        if "label_manager" in plans:
            named["label_manager"] = (plans["label_manager"], "utilities.label_handling")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{source}: found no complete configuration '{configuration}' ({type(error).__name__}: {error}), "
            "expected nnU-Net's; export the model again"
        ) from None
    for field, name in networks.items():
        _check_network(name, f"{source}: {field}")
    for field, (name, below) in named.items():
        _check_nnunet(name, below, f"{source}: {field}")


def _check_network(name: Any, field: str) -> None:
    import torch

    packages = (*_NETWORKS, *packages_of_methods())
    found = None
    # Looking a name up imports its module: not before the package is known.
    if isinstance(name, str) and _is_in(name, packages):
        try:
            found = pydoc.locate(name)
        except pydoc.ErrorDuringImport:
            found = None
    is_layer = isinstance(found, type) and issubclass(found, torch.nn.Module)
    # The class itself, not something that a module happens to import.
    if not is_layer or not _is_in(found.__module__, packages):  # type: ignore[union-attr]
        raise InputError(
            f"{field}: found {name!r}, expected a network or layer of {', '.join(packages)}; install the "
            "package that brings the method, or do not use this file"
        )


def _check_nnunet(name: Any, below: str, field: str) -> None:
    import nnunetv2
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

    found = None
    if isinstance(name, str) and name.isidentifier():
        folder = Path(nnunetv2.__path__[0]).joinpath(*below.split("."))
        found = recursive_find_python_class(str(folder), name, f"nnunetv2.{below}")
    if not callable(found) or not _is_in(found.__module__, (f"nnunetv2.{below}",)):
        raise InputError(
            f"{field}: found {name!r}, expected a name in nnunetv2.{below}; do not use this file"
        )


def _is_in(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
