"""Water-only and fat-only images of one exam belong together as those of a Dixon scan do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from dataset_conversion.phantom.cohort import Body, plan_cohort, simulate_body
from dataset_conversion.phantom.fields import generator
from dataset_conversion.phantom.scanner import SCANNERS, Scanner, acquire, marrow_fat, marrow_water

#: Without noise or blur, and bright, so that rounding to whole numbers hides nothing.
IDEAL = replace(SCANNERS["Oslo"], gain=10_000.0, noise=0.0, blur=1e-6)


@pytest.fixture(scope="module")
def body() -> Body:
    return simulate_body(replace(plan_cohort()[0], slices=2), seed=3)


def image(body: Body, channel: str, scanner: Scanner = IDEAL) -> np.ndarray:
    stream = partial(generator, 3, "scanner")
    return acquire(body.grid, body.anatomy, body.marrow, channel, scanner, stream).astype(float)


def test_marrows_ratio_of_fat_to_water_is_free_of_the_coil(body: Body) -> None:
    water, fat = image(body, "water"), image(body, "fat")
    inside = body.anatomy.tissues["marrow"] == 1
    assert inside.sum() > 1000
    latent = body.marrow.latent[inside]
    expected = marrow_fat(latent) / marrow_water(latent)
    np.testing.assert_allclose(fat[inside] / water[inside], expected, rtol=5e-3)
    # Each of them is shaded.
    assert np.std(water[inside] / marrow_water(latent)) > 0.02 * 10_000


def test_fat_left_on_the_water_image_is_missing_on_the_other(body: Body) -> None:
    inside = body.anatomy.tissues["fat"] == 1
    assert inside.sum() > 1000
    leaking, tight = replace(IDEAL, leak=0.2), replace(IDEAL, leak=0.0)
    sums = [image(body, "water", scanner) + image(body, "fat", scanner) for scanner in (leaking, tight)]
    np.testing.assert_allclose(sums[0][inside], sums[1][inside], atol=2)
    assert (image(body, "water", leaking) - image(body, "water", tight))[inside].mean() > 0.02 * 10_000


def test_noise_is_each_images_own(body: Body) -> None:
    quiet, loud = replace(IDEAL, gain=3000.0), replace(IDEAL, gain=3000.0, noise=0.02)
    inside = body.anatomy.tissues["marrow"] == 1
    noise = [
        (image(body, channel, loud) - image(body, channel, quiet))[inside] for channel in ("water", "fat")
    ]
    assert [each.std() for each in noise] == pytest.approx([60, 60], rel=0.1)
    assert abs(np.corrcoef(noise)[0, 1]) < 0.05
