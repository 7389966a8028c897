"""The methods that bmseg compares, one module each; docs/howto/methods.md shows how to add one.

A method is a name, a trainer and a plan: everything else (data, folds, budget, prediction, scores) is the
same for all. Methods of other packages are found through the entry point group ``bmseg.methods``.
"""

from bmseg.methods.registry import (
    Method,
    Recipe,
    get_method,
    methods,
    own_titles,
    packages_of_methods,
    trainer_paths,
)

__all__ = [
    "Method", "Recipe", "get_method", "methods", "own_titles", "packages_of_methods", "trainer_paths",
]  # fmt: skip
