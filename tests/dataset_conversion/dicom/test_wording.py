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


@pytest.mark.parametrize(
    ("description", "contrasts"),
    [
        # A dual echo's name stands for both.
        ("T1 dual FFE in/opp", {"in_phase", "opposed_phase"}),
        ("BH in_opp", {"in_phase", "opposed_phase"}),
        ("fl2d in opp tra", {"in_phase", "opposed_phase"}),
        ("T1 FFE opp/in", {"in_phase", "opposed_phase"}),
        ("dual GRE IP/OP", {"in_phase", "opposed_phase"}),
        ("t1 in und opp phase tra", {"in_phase", "opposed_phase"}),
        ("T1 in-phase/out-of-phase", {"in_phase", "opposed_phase"}),
        ("LAVA in + out", {"in_phase", "opposed_phase"}),
        # Two contrasts wherever they stand.
        ("t2_dixon_cor_W_F", {"water", "fat"}),
        ("t2_dixon_cor_F_W", {"water", "fat"}),
        ("mDIXON water/fat", {"water", "fat"}),
        ("dixon opp cor W", {"opposed_phase", "water"}),
        ("dixon_t2_W_F", {"water", "fat"}),
        ("t2 wfi cor W F", {"water", "fat"}),
        ("dixon Wasser und Fett", {"water", "fat"}),
        # One: what stands beside it is no contrast.
        ("dixon T2 W fat", {"fat"}),
        ("dixon post OP W", {"water"}),
        ("dixon fat sat W", {"water"}),
        ("dixon in knee cor W", {"water", "in_phase"}),
    ],
)
def test_a_name_of_two_contrasts_is_no_name(description: str, contrasts: set[str]) -> None:
    assert contrast_words(description) == contrasts


@pytest.mark.parametrize(
    ("description", "protocol", "contrasts"),
    [
        # Canon's WFS, Fujifilm's FatSep, United Imaging's WFI.
        ("WFS FSE2D cor Water", "", {"water"}),
        ("WFS cor Fat", "", {"fat"}),
        ("FatSep Water", "", {"water"}),
        ("Fat Sep T2 Water", "", {"water"}),
        ("t2_fse_wfi_cor_W", "", {"water"}),
        ("t2_fse_wfi_cor_F", "", {"fat"}),
        ("wfi_cor_IP", "", {"in_phase"}),
        ("wfi_cor_OP", "", {"opposed_phase"}),
        ("water-fat separation water", "", {"water"}),
        # Words of other languages.
        ("t2 dixon cor Wasser", "", {"water"}),
        ("t2 dixon cor Fett", "", {"fat"}),
        ("dixon vann kne", "", {"water"}),
        ("dixon vand knæ", "", {"water"}),
        ("dixon cor eau", "", {"water"}),
        ("dixon cor graisse", "", {"fat"}),
        # What is appended behind the contrast.
        ("t2_tse_dixon_cor_W_Dist_Corr", "", {"water"}),
        ("t2_tse_dixon_cor_F_DistCorr", "t2_tse_dixon_cor", {"fat"}),
        ("t2_tse_dixon_cor_W_ND", "t2_tse_dixon_cor", {"water"}),
        ("t2_tse_dixon_cor_opp_Dist_Corr", "t2_tse_dixon_cor", {"opposed_phase"}),
        ("t1_in_opp_in", "t1_in_opp", {"in_phase"}),
        # Ambiguous, and left so: the shift between water and fat, suppression, letters beside nothing.
        ("WFS 1.5 cor W", "", set()),
        ("T2 water-fat shift 2", "", set()),
        ("FatSep cor", "", set()),
        ("t2 dixon Fett sat", "", set()),
        ("dixon ohne Fett", "", set()),
        ("T2 Wasser", "", set()),
        ("wfi cor", "", set()),
        ("T1 W", "T1", set()),
    ],
)
def test_learns_what_names_one_contrast(description: str, protocol: str, contrasts: set[str]) -> None:
    assert contrast_words(description, protocol) == contrasts


@pytest.mark.parametrize(("description", "protocol"), [("-_W", "-"), ("__F", "_"), ("W", ""), ("_W", "")])
def test_a_protocol_without_words(description: str, protocol: str) -> None:
    contrast_words(description, protocol)
