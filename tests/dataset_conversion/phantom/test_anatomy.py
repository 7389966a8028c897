import numpy as np
import pytest
from scipy import ndimage

from dataset_conversion.phantom.anatomy import Anatomy, build_anatomy
from dataset_conversion.phantom.fields import Grid, generator, smooth_noise
from dataset_conversion.phantom.knee import TISSUES
from dataset_conversion.phantom.scanner import marrow_fat, marrow_water
from dataset_conversion.phantom.subject import Subject

# Thin slices, few of them, through the middle of the knees.
GRID = Grid((384, 256, 3))


def _subject(age: float, sex: str = "male") -> Subject:
    return Subject.draw(age, sex, "healthy", generator(1, "subject"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def child() -> Anatomy:
    return build_anatomy(GRID, _subject(9.0), generator(1, "anatomy"))


def test_fractions_add_up(child: Anatomy) -> None:
    assert set(child.tissues) == set(TISSUES)
    total = sum(child.tissues.values())
    assert total.max() < 1.001  # type: ignore[union-attr]
    assert min(fraction.min() for fraction in child.tissues.values()) >= 0.0
    assert total[:5].max() < 0.01  # type: ignore[index]  # air beside the legs


def test_two_knees_of_four_bones(child: Anatomy) -> None:
    """Femur and tibia of each knee, each bone in one piece, in the middle slice."""
    components, _ = ndimage.label(child.bone[:, :, 1])
    sizes = np.bincount(components.ravel())[1:]
    assert (sizes > 1000).sum() == 4
    assert sizes[sizes <= 1000].sum() < 50
    halves = child.bone[:192].sum(), child.bone[192:].sum()
    assert halves[0] == pytest.approx(halves[1], rel=0.2)
    assert halves[0] != halves[1]


def test_region_is_bone_without_physes_and_vessels(child: Anatomy) -> None:
    assert child.region[child.bone].mean() > 0.7
    assert not child.region[~child.bone].any()
    assert child.tissues["physis"][child.region].max() < 0.1
    assert child.tissues["vessel"][child.region].max() < 0.1


def test_metaphysis_is_a_square_over_the_physis(child: Anatomy) -> None:
    """The region's height above the femoral growth plate is the epiphysis' largest width."""
    half = slice(0, 192)
    femur = child.region[half] & (np.arange(256) < 120)[None, :, None]
    epiphysis = child.bone[half] & (np.arange(256) < 130)[None, :, None] & (child.physis_distance[half] < 0)
    width = np.ptp(np.flatnonzero(epiphysis.any(axis=(1, 2)))) * 0.9
    assert child.physis_distance[half][femur].max() == pytest.approx(width, rel=0.08)


def test_physis_closes_and_knees_grow_with_age(child: Anatomy) -> None:
    grown = build_anatomy(GRID, _subject(18.0), generator(1, "anatomy"))
    assert grown.tissues["physis"].sum() < 0.03 * child.tissues["physis"].sum()
    assert grown.bone.sum() > 1.2 * child.bone.sum()
    assert _subject(15.5, "female").openness < 0.5 < _subject(15.5, "male").openness


def test_smooth_noise_has_unit_variance_and_the_scale_asked_for() -> None:
    positions = np.arange(0, 400, 1.0, dtype=np.float32)
    field = smooth_noise(np.random.default_rng(0), [positions, positions], 5.0)
    assert field.dtype == np.float32
    assert field.mean() == pytest.approx(0.0, abs=0.1)
    assert field.std() == pytest.approx(1.0, abs=0.05)
    assert (field[10:] * field[:-10]).mean() == pytest.approx(np.exp(-1), abs=0.08)


def test_marrow_brightens_without_a_step_and_fat_falls() -> None:
    latent = np.linspace(-4, 7, 500)
    water, fat = marrow_water(latent), marrow_fat(latent)
    assert (np.diff(water) > 0).all()
    assert (np.diff(fat) < 0).all()
    assert np.diff(water).max() < 0.01
    assert water.max() <= 1.0
