"""Shapes of femur, tibia, fibula and patella as signed distances, in a grown-up's knee millimetres.

Coordinates of one knee: x to lateral, y to anterior, z to superior; the joint line at z = 0, the femoral
shaft near x = y = 0. A distance is negative inside. Sizes follow adult radiographs: 75 mm between the
epicondyles, 27 mm of shaft, distal femoral physis about 35 mm above the joint, tibial physis 20 mm below.
"""

from __future__ import annotations

import numpy as np

from dataset_conversion.phantom.fields import Array, Profile, cut, join, ramp

#: Largest width of the femoral and the tibial epiphysis: the side of the metaphysis' square.
FEMUR_WIDTH, TIBIA_WIDTH = 75.0, 74.0
FEMUR_PHYSIS, TIBIA_PHYSIS = 35.0, -20.5

_FEMUR_A = Profile(
    (10, 34), (20, 37), (28, 37.5), (36, 36.5), (45, 31.5),
    (55, 26.5), (66, 22), (80, 18), (100, 15.5), (130, 14.5),
)  # fmt: skip
_FEMUR_B = Profile((10, 19), (28, 21), (36, 21), (45, 20), (55, 18.5), (66, 17), (80, 15.5), (130, 14))
_FEMUR_Y = Profile((10, 4), (36, 2), (55, 2), (80, 3), (130, 7))
_TIBIA_A = Profile(
    (-120, 15.5), (-85, 17.5), (-62, 21.5), (-46, 26), (-34, 31), (-25, 34.5), (-17, 36.5), (-9, 37), (0, 35)
)
_TIBIA_B = Profile((-120, 15), (-85, 16), (-62, 18), (-46, 20), (-30, 21.5), (-17, 24), (-9, 24), (0, 22))
_TIBIA_Y = Profile((-120, -5), (-85, -4), (-46, -2), (-17, -3), (0, -4))
_FIBULA_R = Profile((-120, 6.3), (-48, 6), (-36, 7), (-25, 9.5), (-14, 8))


def ellipsoid(x: Array, y: Array, z: Array, centre: tuple[float, ...], radii: tuple[float, ...]) -> Array:
    """Approximate signed distance to an ellipsoid."""
    (cx, cy, cz), (rx, ry, rz) = centre, radii
    norm = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2)
    return (norm - 1) * min(radii)


def segment(x: Array, y: Array, z: Array, start: tuple[float, ...], end: tuple[float, ...]) -> Array:
    """Distance to a straight line between two points."""
    way = [e - s for s, e in zip(start, end, strict=True)]
    along = (x - start[0]) * way[0] + (y - start[1]) * way[1] + (z - start[2]) * way[2]
    t = np.clip(along / sum(w * w for w in way), 0.0, 1.0)
    return np.sqrt(
        (x - start[0] - t * way[0]) ** 2 + (y - start[1] - t * way[1]) ** 2 + (z - start[2] - t * way[2]) ** 2
    )


def femur(x: Array, y: Array, z: Array) -> Array:
    """Distal femur: shaft flaring into the metaphysis, two condyles, trochlea, intercondylar notch."""
    groove = 3.5 * np.exp(-((x / 9.0) ** 2)) * ramp(y, 5.0, 18.0)
    half_width, half_depth = _FEMUR_A(z), _FEMUR_B(z)
    squared = (x / half_width) ** 2
    section = np.sqrt(squared + ((y + groove - _FEMUR_Y(z)) / half_depth) ** 2)
    body = cut((section - 1) * half_depth, 17.0 - z, 8.0)
    condyles = join(
        _condyle(x, y, z, -19.5, (17.5, 27.5, 21.5)), _condyle(x, y, z, 19.5, (17.0, 28.5, 21.0)), 2.0
    )
    bone = join(body, condyles, 7.0)
    roof = 23.0 + 0.4 * np.maximum(-8.0 - y, 0.0) - 16.0 * ramp(y, 0.0, 16.0)
    notch = (np.sqrt((x / 9.5) ** 2 + (np.maximum(z, 0.0) / roof) ** 2) - 1) * 9.5
    return cut(bone, -notch, 4.0)


def _condyle(x: Array, y: Array, z: Array, centre: float, radii: tuple[float, float, float]) -> Array:
    # A fourth power across makes the flanks flat, as a condyle's are.
    across = ((x - centre) / radii[0]) ** 2
    profile = ((y + 8.0) / radii[1]) ** 2 + ((z - radii[2]) / radii[2]) ** 2
    norm = np.sqrt(np.sqrt(across * across + profile * profile + 0.8 * across * profile))
    return (norm - 1) * radii[0]


def femur_physis(x: Array, y: Array) -> Array:
    """Height of the distal femoral growth plate: a wave across the knee, higher posteriorly."""
    wave = 2.6 * np.cos(x * (2 * np.pi / 37.0)) - 1.0 * np.cos(x * (4 * np.pi / 37.0))
    return FEMUR_PHYSIS + wave + 7.0 * ramp(y, -12.0, -28.0) + 1.5 * np.sin(y * 0.22)


def tibia_top(x: Array, y: Array) -> Array:
    """Height of the tibial plateau, with its eminence and posterior slope."""
    bowl = 1.3 * np.clip(1 - ((np.abs(x) - 20.0) / 15.0) ** 2, 0.0, None)
    spines = 7.5 * np.exp(-(((x + 4.5) / 3.2) ** 2)) + 6.0 * np.exp(-(((x - 5.0) / 3.2) ** 2))
    base = 3.5 * np.exp(-((x / 10.0) ** 2))
    return -4.6 - bowl + (spines + base) * np.exp(-(((y + 3.0) / 10.0) ** 2)) + 0.12 * (y + 3.0)


def tibia(x: Array, y: Array, z: Array) -> Array:
    """Proximal tibia: plateau with eminence, metaphysis tapering to the shaft, tubercle."""
    half_width, half_depth = _TIBIA_A(z), _TIBIA_B(z)
    across, deep = (x / half_width) ** 2, ((y - _TIBIA_Y(z)) / half_depth) ** 2
    norm = np.sqrt(np.sqrt(across * across + deep * deep + 1.3 * across * deep))
    body = cut((norm - 1) * half_depth, (z - tibia_top(x, y)) * 0.9, 4.0)
    return join(body, ellipsoid(x, y, z, (2.0, 18.0, -36.0), (10.0, 8.0, 14.0)), 6.0)


def tibia_physis(x: Array, y: Array) -> Array:
    """Height of the proximal tibial growth plate; its tongue dips to the tubercle."""
    wave = 1.6 * np.cos(x * (2 * np.pi / 44.0)) + 0.8 * np.sin(x * 0.21)
    return TIBIA_PHYSIS + wave - 14.0 * ramp(y, 11.0, 20.0) + 0.08 * y


def fibula(x: Array, y: Array, z: Array) -> Array:
    """Proximal fibula, behind and lateral of the tibia."""
    lean = 0.04 * (z + 25.0)
    return cut(np.sqrt((x - 33.0 - lean) ** 2 + (y + 18.0) ** 2) - _FIBULA_R(z), z + 12.5, 6.0)


def patella(x: Array, y: Array, z: Array) -> Array:
    """Patella: thick in the middle, pointed below."""
    narrowing = np.maximum(1.0 + 0.012 * (z - 20.0), 0.5)
    return ellipsoid(x / narrowing, y + 0.006 * x * x, z, (2.0, 34.0, 21.0), (21.0, 9.5, 21.0))


#: Thickness of cortical bone along z: a millimetre at the joint, four in the shafts.
cortex_thickness = Profile(
    (-120, 4.0), (-75, 3.4), (-45, 1.6), (-25, 1.0), (35, 1.0), (55, 1.6), (90, 3.6), (130, 4.2)
)
