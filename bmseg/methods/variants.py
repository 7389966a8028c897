"""Networks of one method that differ in their seed, or in whose masks teach them: names, folders, titles.

The usual network of a method is called as the method, ``nnunet``. Another has a word more for each thing
that sets it apart: ``nnunet_seed2023``, ``nnunet_soft``, ``nnunet_soft_seed2023``. That is the rater's name,
of its predictions and in every table; commands take it in place of a method's. Its models lie in nnU-Net's
folders below a folder of that word, ``nnUNet_results/soft_seed2023``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from bmseg.methods.registry import Method, get_method, methods

#: Of the usual network, where none is given.
SEED = 2022

#: Whose masks teach: one reader's, a consensus's, those of all readers in turn, or the shares of votes.
Masks = Literal["reader", "consensus", "all", "soft"]
MASKS: tuple[Masks, ...] = get_args(Masks)

_SHOWN: Mapping[Masks, str] = {
    "reader": "one reader's masks",
    "consensus": "consensus masks",
    "all": "all readers' masks",
    "soft": "vote shares",
}
_WORD = rf"(?P<masks>{'|'.join(MASKS)})(?:_seed(?P<after>0|[1-9]\d{{0,9}}))?|seed(?P<seed>0|[1-9]\d{{0,9}})"


@dataclass(frozen=True)
class Variant:
    """What sets a network apart from the usual one of its method; None where it is as usual."""

    masks: Masks | None = None
    seed: int | None = None

    @property
    def word(self) -> str:
        """In names of raters and folders; empty for the usual network."""
        return "_".join(filter(None, [self.masks, "" if self.seed is None else f"seed{self.seed}"]))

    def name(self, method: str) -> str:
        """The rater's name.

        Examples
        --------
        >>> Variant("soft", 2023).name("nnunet")
        'nnunet_soft_seed2023'
        """
        return "_".join(filter(None, [method, self.word]))

    def title(self, method: str) -> str:
        """What the rater is shown as, of what its method is shown as.

        Examples
        --------
        >>> Variant(seed=2023).title("nnU-Net")
        'nnU-Net, seed 2023'
        """
        seed = "" if self.seed is None else f"seed {self.seed}"
        return ", ".join(filter(None, [method, _SHOWN[self.masks] if self.masks else "", seed]))


def variant_of_word(word: str) -> Variant | None:
    """The variant of a word as `Variant.word` has it; None for any other.

    Examples
    --------
    >>> variant_of_word("soft_seed2023"), variant_of_word("Dataset501_Knee")
    (Variant(masks='soft', seed=2023), None)
    """
    found = re.fullmatch(_WORD, word)
    return _variant(found) if found else None


def method_and_variant(name: str) -> tuple[str, Variant]:
    """The name of a rater's method, and what sets the rater apart from its usual network.

    The one place where names of raters are read. A name that is no known method's with a word after it is
    one of its own, whose network is the usual one.

    Examples
    --------
    >>> method_and_variant("unet_seed7")
    ('unet', Variant(masks=None, seed=7))
    >>> method_and_variant("our_all")
    ('our_all', Variant(masks=None, seed=None))
    """
    found = re.fullmatch(rf"(?P<method>.+?)_(?:{_WORD})", name)
    # Methods of other packages are imported only where a name asks for them.
    if found and name not in (known := methods()) and found["method"] in known:
        return found["method"], _variant(found)
    return name, Variant()


def method_of(name: str) -> tuple[Method, Variant]:
    """The same with the method itself; InputError when there is none."""
    method, variant = method_and_variant(name)
    return get_method(method), variant


def titles_of_variants(names: Iterable[str], titles: Mapping[str, str]) -> dict[str, str]:
    """Name to what it is shown as, of those of some raters that are another network of a titled method.

    `titles` are those of methods; who has one of its own keeps it.
    """
    apart = {name: method_and_variant(name) for name in names if name not in titles}
    return {
        name: variant.title(titles[method])
        for name, (method, variant) in apart.items()
        if variant.word and method in titles
    }


def first_networks(names: Sequence[str]) -> dict[str, str]:
    """Network trained with a seed of its own to the usual one, of those of some raters where both are there.

    Examples
    --------
    >>> first_networks(["nnunet", "nnunet_seed2023", "unet_seed7"])
    {'nnunet_seed2023': 'nnunet'}
    """
    apart = {name: method_and_variant(name) for name in names}
    usual = {name: Variant(variant.masks).name(method) for name, (method, variant) in apart.items()}
    return {name: first for name, first in usual.items() if name != first and first in apart}


def _variant(found: re.Match[str]) -> Variant:
    seed = found["seed"] or found["after"]
    masks = next((one for one in MASKS if one == found["masks"]), None)
    return Variant(masks, None if seed is None else int(seed))
