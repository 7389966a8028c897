import numpy as np
import pytest

from dataset_conversion.phantom.cma_es import minimise

# Usual test functions (Hansen & Ostermeier 2001): an ellipsoid of condition 1e6 and a curved valley.
ELLIPSOID_SCALES = 1e6 ** np.linspace(0, 1, 8)


def ellipsoid(x: np.ndarray) -> float:
    return float(ELLIPSOID_SCALES @ (x - 1) ** 2)


def rosenbrock(x: np.ndarray) -> float:
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


@pytest.mark.parametrize("function", [ellipsoid, rosenbrock])
def test_finds_the_minimum_at_ones(function) -> None:
    found = minimise(function, np.zeros(8), spread=0.3, generations=600, seed=3)
    assert found.point == pytest.approx(np.ones(8), abs=1e-4)
    assert found.value == function(found.point) < 1e-8
    assert found.evaluations == 1 + 600 * 10


def test_rotation_of_the_axes_does_not_matter() -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    found = minimise(lambda x: ellipsoid(rotation @ x), np.zeros(8), spread=0.3, generations=600, seed=3)
    assert rotation @ found.point == pytest.approx(np.ones(8), abs=1e-4)


def test_seed_decides_the_search_and_the_start_is_never_lost() -> None:
    first, again, other = (
        minimise(ellipsoid, np.zeros(8), spread=0.3, generations=20, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.point, again.point)
    assert not np.array_equal(first.point, other.point)
    best = minimise(ellipsoid, np.ones(8), spread=0.3, generations=5, seed=1)
    assert best.value == 0
    assert np.array_equal(best.point, np.ones(8))
