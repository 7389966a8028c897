"""Names of networks that differ from a method's usual one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmseg.errors import InputError
from bmseg.methods import methods
from bmseg.methods.variants import (
    MASKS,
    Variant,
    first_networks,
    method_and_variant,
    method_of,
    titles_of_variants,
    variant_of_word,
)

VARIANTS = st.builds(Variant, st.sampled_from([None, *MASKS]), st.none() | st.integers(0, 2**32 - 1))


@given(st.sampled_from(sorted(methods())), VARIANTS)
def test_a_name_is_read_back(method: str, variant: Variant) -> None:
    assert method_and_variant(variant.name(method)) == (method, variant)
    assert variant_of_word(variant.word) == (variant if variant.word else None)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("nnunet_soft", "soft"),
        ("nnunet_resenc_m_seed0", "seed0"),
        ("nnunet_consensus_seed2023", "consensus_seed2023"),
    ],
)
def test_names_and_words(name: str, word: str) -> None:
    assert method_and_variant(name)[1].word == word


# A method's own name, one of no known method, and what no variant is called.
@pytest.mark.parametrize(
    "name",
    ["nnunet_resenc", "theirs_seed3", "nnunet_seed03", "nnunet_seed", "nnunet_seed1_soft", "nnunetsoft"],
)
def test_other_names_are_nobodys_variant(name: str) -> None:
    assert method_and_variant(name) == (name, Variant())


def test_an_unknown_method_is_refused_by_its_whole_name() -> None:
    with pytest.raises(InputError, match=r"^method: found 'segnet_seed3', expected one of nnunet, "):
        method_of("segnet_seed3")


def test_folders_of_nnunet_are_no_words() -> None:
    others = ["", "Dataset501_Soft", "soft_", "_seed3", "seed3_soft"]
    assert not any(map(variant_of_word, others))


def test_networks_of_one_method_go_together_and_masks_apart() -> None:
    names = ["nnunet", "nnunet_seed2023", "nnunet_soft", "nnunet_soft_seed2023", "unet_seed7", "x_seed1"]
    assert first_networks(names) == {"nnunet_seed2023": "nnunet", "nnunet_soft_seed2023": "nnunet_soft"}


def test_titles_follow_the_methods_and_a_title_of_ones_own_stays() -> None:
    titles = {"nnunet": "nnU-Net", "nnunet_seed8": "The other"}
    names = ["nnunet", "nnunet_seed7", "nnunet_seed8", "nnunet_soft_seed9", "unet_seed7", "theirs_seed1"]
    assert titles_of_variants(names, titles) == {
        "nnunet_seed7": "nnU-Net, seed 7",
        "nnunet_soft_seed9": "nnU-Net, vote shares, seed 9",
    }
