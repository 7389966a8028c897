"""Words of series descriptions: what may be shown, which body region, which contrast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_conversion.dicom.wording import HIDDEN, clean_description, contrast_words, station_words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("T2 tse dixon cor Olsen Kari_W", "t2 tse dixon cor ... W"),
        ("t2_tse_dixon_cor_W", "t2 tse dixon cor W"),
        ("WATER: Ax LAVA-Flex", "water ax lava flex"),
        ("Knie li Müller", "knie ..."),
        ("mDIXON-W knee station 3", "mdixon W knee station 3"),
        # Dates, ages, phone and identity numbers, however they are written.
        ("cor 12.03.2015", "cor ..."),
        ("cor 12 03 15", "cor ..."),
        ("cor 12 mars 15", "cor ..."),
        ("cor 120315 12345", "cor ..."),
        ("kne 7år", "kne ..."),
        ("te 90", "te 90"),
        ("12 cor", "... cor"),
        # Arabic-Indic digits are digits to Python.
        ("te ٩٠", "te ..."),
        # A leg in Norwegian, and a name.
        ("Ben cor", "... cor"),
        ("", ""),
    ],
)
def test_shows_the_vocabulary_alone(text: str, shown: str) -> None:
    assert clean_description(text) == shown


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzæøåÆØÅ^,.-_ 0123456789", max_size=60))
def test_is_made_of_vocabulary_and_short_numbers(text: str) -> None:
    for word in clean_description(text).split():
        if word.isdecimal():
            assert len(word) <= 2
        else:
            assert word == HIDDEN or clean_description(word) == word


@given(st.text(alphabet="qxyzj", min_size=4, max_size=12))
def test_hides_a_word_that_is_in_no_vocabulary(word: str) -> None:
    assert word not in clean_description(f"T2 {word} cor_{word.upper()}_W").lower()


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("T2 dixon cor Oberschenkel/Knie", {"thigh", "knee"}),
        ("COR STIR KNE begge", {"knee"}),
        ("genou droit", {"knee"}),
        ("Bein re", {"leg"}),
        ("Hu\u0308fte", {"hip"}),
        ("stir bekken", {"pelvis"}),
        ("t1_tse_cor_becken", {"pelvis"}),
        ("Whole Body STIR", {"whole body"}),
        ("Ganzkörper STIR", {"whole body"}),
        ("hele kroppen cor", {"whole body"}),
        ("STIR LWS sag", {"spine"}),
        ("HEAD", {"head"}),
        # Parts of other words are no regions.
        ("legacy hipster kneeling headfirst", set()),
        ("station 3", set()),
        ("", set()),
    ],
)
def test_finds_body_regions(text: str, regions: set[str]) -> None:
    assert station_words(text) == regions


@pytest.mark.parametrize(
    ("description", "protocol", "contrasts"),
    [
        # Siemens: the protocol's name and a suffix.
        ("t2_tse_dixon_cor_W", "t2_tse_dixon_cor", {"water"}),
        ("t2_tse_cor_F", "t2_tse_cor", {"fat"}),
        ("cor_dixon_t2_W", "cor_dixon_t2", {"water"}),
        ("t2_tse_dixon_W_F", "t2_tse_dixon_W", {"fat"}),
        ("t2_tse_dixon_cor_opp_DIS2D", "t2_tse_dixon_cor", {"opposed_phase"}),
        # UK Biobank names.
        ("Dixon_BH_17s_opp", "", {"opposed_phase"}),
        ("Dixon_BH_17s_in", "", {"in_phase"}),
        ("Dixon_BH_17s_F", "", {"fat"}),
        # Names of public code that sorts series.
        ("T1 VIBE DIXON SANS IV CAIPI_W", "", {"water"}),
        ("T1 weighted IDEAL pre gad_W", "", {"water"}),
        ("4D mDIXON-W", "", {"water"}),
        ("VmDIXON-W", "", {"water"}),
        ("mDIXON water only cor", "", {"water"}),
        # GE LAVA-Flex, IDEAL IQ and MRAC.
        ("WATER: T1_abdomen_dixon_cor_bh", "", {"water"}),
        ("FAT: IDEAL IQ (20sec BH)", "", {"fat"}),
        ("InPhase: BH Ax LAVA-Flex Mask", "", {"in_phase"}),
        ("OutPhase: MRAC", "", {"opposed_phase"}),
        ("FatFrac: BH new FAM", "", {"fat_fraction"}),
        ("FatFrac W/O correction: BH new FAM", "", {"fat_fraction"}),
        # Two at once name none.
        ("t2 dixon W F", "", {"water", "fat"}),
        ("T1 in/opp phase", "", {"in_phase", "opposed_phase"}),
        ("GRE in and out of phase", "", {"in_phase", "opposed_phase"}),
        # Weightings, suppression, excitation, prepositions, surgery.
        ("PDW_TSE", "", set()),
        ("T2W FFE", "", set()),
        ("T2 W", "", set()),
        ("T2_W", "T2", set()),
        ("cor_dixon_t2_W", "", set()),
        ("T2 fat sat", "", set()),
        ("t2 dixon fat sat", "", set()),
        ("dixon water excitation", "", set()),
        ("dixon water fraction", "", set()),
        ("T1 DIXON W GAD", "", set()),
        ("dixon cor w/o", "", set()),
        ("dixon cor post OP", "", set()),
        ("knee_in", "", set()),
        ("T1 VIBE SAG DIXON FS L - LIMB", "", set()),
        ("t2_tse_dixon_cor", "t2_tse_dixon_cor", set()),
        # Philips: the protocol's own name, the same for all contrasts of the scan.
        ("T2 mDIXON-W", "WIP T2 mDIXON-W", set()),
        ("T2 mDIXON-W", "T2 mDIXON-W", set()),
        ("", "", set()),
    ],
)
def test_names_the_contrast(description: str, protocol: str, contrasts: set[str]) -> None:
    assert contrast_words(description, protocol) == contrasts


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_taken(description: str, protocol: str) -> None:
    clean_description(description)
    station_words(description)
    contrast_words(description, protocol)
    contrast_words(f"{protocol}_{description}", protocol)
    contrast_words(f"dixon {description}", protocol)
