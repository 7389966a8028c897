"""One knee: the child it belongs to, and its tissues laid over each other.

Shapes are evaluated on half slices, so that a voxel's fractions carry the partial volume of thick slices,
and are laid over each other front to back: a tissue takes its part of what those before it left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np

from dataset_conversion.phantom import bones
from dataset_conversion.phantom.fields import Array, Profile, inside, join, ramp, smooth_noise

Sex = Literal["female", "male"]

#: Every tissue a fraction is given for; what is left of a voxel is air.
TISSUES = (
    "marrow", "cortex", "physis", "vessel", "cartilage", "fibrous", "fluid", "muscle", "fat", "skin",
)  # fmt: skip

#: Equal parts a slice is evaluated in.
PARTS = 2


@dataclass(frozen=True)
class Subject:
    """What a child's age and sex mean for the knees; thicknesses in mm."""

    #: As a fraction of the shapes' in `bones`.
    size: float
    #: Of growth plates: 1 open, 0 closed.
    openness: float
    cartilage: float
    #: Subcutaneous.
    fat: float
    #: The joint's fluid film.
    effusion: float

    @classmethod
    def draw(cls, age: float, sex: Sex, group: str, rng: np.random.Generator) -> Subject:
        """A child of this age; girls stop growing, and close their growth plates, two years earlier."""
        grown, closing, adult = (14.5, 14.6, 0.98) if sex == "female" else (16.5, 16.4, 1.03)
        growth = float(np.clip((age - 5.0) / (grown - 5.0), 0.0, 1.0))
        openness = 1.0 / (1.0 + np.exp((age - closing - 0.4 * rng.standard_normal()) / 0.45))
        return cls(
            size=adult * (0.83 + 0.19 * growth) * (1 + 0.025 * float(rng.standard_normal())),
            openness=float(openness),
            cartilage=2.2 + 2.6 * (1 - growth) ** 1.5,
            fat=float(rng.uniform(5.0, 9.0)) + (3.0 if sex == "female" else 0.0) * growth,
            effusion=float(rng.gamma(2.0, 0.35)) + (0.8 if group == "CNO" else 0.2),
        )


class Knee:
    """Some columns of one knee: coordinates after pose and warp, and the tissues laid over each other.

    `axes` are coordinates along i, j, k: lateral, superior and anterior of the knee's centre, mm; along k of
    `PARTS` parts a slice. `columns` is the part along i; all must be given equal random streams.
    """

    def __init__(
        self, axes: tuple[Array, Array, Array], columns: slice, subject: Subject, rng: np.random.Generator
    ) -> None:
        self.axes, self.columns, self.subject, self.rng = axes, columns, subject, rng
        self.mm = subject.size
        self.x, self.y, self.z = self._posed()
        self.left = np.ones_like(self.x)
        self.found: dict[str, Array] = {name: np.zeros_like(self.x) for name in TISSUES}

    def compose(self) -> dict[str, Array]:
        """Fractions of tissues, and of the stretches of bone that levels are read in, a slice."""
        x, y, z = self.x, self.y, self.z
        femur, tibia = bones.femur(x, y, z), bones.tibia(x, y, z)
        fibula, patella = bones.fibula(x, y, z), bones.patella(x, y, z)
        femur, tibia = femur + 0.35 * self._noise(5.0), tibia + 0.35 * self._noise(5.0)
        to_shaft, reach = self._physis_distance(femur, tibia)
        long_bones = np.minimum(femur, tibia)
        self._bones(long_bones, np.minimum(fibula, patella), to_shaft)
        self._joint(femur, tibia, patella)
        self._ligaments()
        self._vessels()
        self._soft_tissue(np.minimum(long_bones, np.minimum(fibula, patella)))
        in_reach = inside((to_shaft - reach) * self.mm)
        fields = {
            **self.found,
            "inner": self.inner * in_reach,
            "bone": inside(long_bones * self.mm) * in_reach,
            "physis_distance": to_shaft * self.mm,
        }
        # The mean of a slice's parts.
        return {
            name: reduce(np.add, (values[..., part::PARTS] for part in range(PARTS))) / PARTS
            for name, values in fields.items()
        }

    def _noise(self, scale: float | tuple[float, float, float]) -> Array:
        return smooth_noise(self.rng, self.axes, scale, self.columns)

    def _posed(self) -> tuple[Array, Array, Array]:
        """Reference coordinates of the voxels: turned a few degrees, scaled, gently warped."""
        turn = [float(angle) for angle in np.deg2rad(self.rng.normal(0, (2.0, 1.6, 1.8)))]
        grow = [float(factor) for factor in 1 / (self.mm * (1 + self.rng.normal(0, 0.02, 3)))]
        x, z, y = self.axes
        a, b, c = x[self.columns, None, None], y[None, None, :], z[None, :, None]
        b, c = b * np.cos(turn[0]) - c * np.sin(turn[0]), b * np.sin(turn[0]) + c * np.cos(turn[0])
        a, c = a * np.cos(turn[1]) - c * np.sin(turn[1]), a * np.sin(turn[1]) + c * np.cos(turn[1])
        a, b = a * np.cos(turn[2]) - b * np.sin(turn[2]), a * np.sin(turn[2]) + b * np.cos(turn[2])
        warps = (1.3 * self._noise(22.0) for _ in range(3))
        a, b, c = (
            (part * factor + warp).astype(np.float32)
            for part, factor, warp in zip((a, b, c), grow, warps, strict=True)
        )
        return a, b, c

    def _physis_distance(self, femur: Array, tibia: Array) -> tuple[Array, Array]:
        """Distance from the growth plate towards the shaft, and how far the metaphysis reaches."""
        wave = 0.9 * smooth_noise(self.rng, self.axes[::2], 6.0, self.columns)[:, None, :]
        is_femur = femur - self.z < tibia + self.z  # whichever is nearer, with the joint line between them
        upper = self.z - bones.femur_physis(self.x, self.y) - wave
        lower = bones.tibia_physis(self.x, self.y) + wave - self.z
        reach = np.where(is_femur, np.float32(bones.FEMUR_WIDTH), np.float32(bones.TIBIA_WIDTH))
        return np.where(is_femur, upper, lower), reach

    def _put(self, tissue: str, fraction: Array) -> None:
        part = self.left * fraction
        self.found[tissue] += part
        self.left -= part

    def _bones(self, long_bones: Array, small_bones: Array, to_shaft: Array) -> None:
        mm, openness = self.mm, self.subject.openness
        thickness = bones.cortex_thickness(self.z)
        self.inner = inside((long_bones + thickness) * mm)
        veins = self._bone_veins() * self.inner
        plate = np.abs(to_shaft) * mm
        # A plate closes from its middle; what stays is a thin dark scar.
        closing = np.clip(1.6 * openness + 0.9 * ramp(np.abs(self.x), 5.0, 35.0) - 0.7, 0.0, 1.0)
        half_width = 0.4 + 0.9 * openness
        cartilage = inside(plate - half_width) * closing
        calcified = inside(np.abs(to_shaft * mm - half_width - 0.5) - 0.35)
        body = inside(long_bones * mm + 0.3)
        self._put("vessel", veins)
        self._put("physis", cartilage * body)
        self._put("cortex", calcified * self.inner * 0.6)
        self._put("marrow", self.inner)
        self._put("cortex", inside(long_bones * mm))
        self._put("marrow", inside((small_bones + 1.3) * mm))
        self._put("cortex", inside(small_bones * mm))

    def _bone_veins(self) -> Array:
        """Thin bright veins within the metaphyses."""
        distance = np.full_like(self.x, 9.0)
        for low, high in ((44.0, 95.0), (-80.0, -30.0)):
            for _ in range(int(self.rng.integers(0, 3))):
                sway, phase, radius = (
                    float(self.rng.uniform(*span)) for span in ((1.5, 4.0), (0, 6.3), (0.5, 0.85))
                )
                start, length = float(self.rng.uniform(low, high - 15)), float(self.rng.uniform(12.0, 30.0))
                cx = float(self.rng.uniform(-9, 9)) + sway * np.sin(self.z * 0.11 + phase)
                cy = float(self.rng.uniform(-7, 7)) + 0.06 * self.z
                tube = np.sqrt((self.x - cx) ** 2 + (self.y - cy) ** 2) - radius
                beyond = np.maximum(start - self.z, self.z - min(start + length, high))
                distance = np.minimum(distance, np.maximum(tube, beyond))
        return inside(distance * self.mm)

    def _joint(self, femur: Array, tibia: Array, patella: Array) -> None:
        """Cartilage on the bones, menisci between, and fluid in what stays free."""
        x, y, z, mm = self.x, self.y, self.z, self.mm
        thick = self.subject.cartilage / mm
        side = np.abs(x)
        rim = np.sqrt((side - 18.0) ** 2 + ((y + 5.0) * 0.72) ** 2)
        wedge = np.abs(z - 0.2 - 0.10 * (rim - 9.0)) - 0.05 - 0.27 * (rim - 7.0)
        horns = np.maximum(ramp(side, 14.0, 19.0), ramp(np.abs(y + 5.0), 10.0, 15.0)) * ramp(side, 4.0, 7.0)
        self._put("fibrous", inside(np.maximum(wedge, np.maximum(rim - 17.0, 7.0 - rim)) * mm) * horns)
        # Femoral cartilage: below, behind the condyles higher, and in front on the trochlea.
        upper = 15.0 + 14.0 * ramp(y, -20.0, -30.0)
        front = ramp(y, 12.0, 18.0) * ramp(z, 42.0, 36.0)
        facing = ramp(z - upper, 3.0, -4.0) * (1 - ramp(side, 34.0, 38.0)) + front
        notch = ramp(side, 11.0, 8.0) * ramp(y, 8.0, 2.0)
        femoral = inside((femur - thick) * mm) * np.clip(facing - notch, 0.0, 1.0)
        on_plateau = ramp(z, -9.0, -6.5)
        tibial = inside((tibia - thick) * mm) * on_plateau * ramp(side, 5.0, 8.0) * ramp(side, 37.0, 34.0)
        retropatellar = inside((patella - thick) * mm) * ramp(y, 34.0, 31.0)
        self._put("cartilage", np.maximum(np.maximum(femoral, tibial), retropatellar))
        film = self.subject.effusion
        space = np.minimum(femur, tibia) - thick - film * 0.6 / mm
        between = ramp(np.abs(z - 3.0), 12.0, 8.0) * ramp(side, 36.0, 33.0)
        uneven = np.clip(0.75 + 0.5 * self._noise(9.0), 0.0, 1.0)
        self._put("fluid", inside(space * mm) * between * uneven)
        deep = 0.4 + 0.8 * film
        recess = np.sqrt(((x - 8.0) / 10.0) ** 2 + ((y - 25.0) / deep) ** 2 + ((z - 50.0) / 15.0) ** 2) - 1
        self._put("fluid", 0.8 * inside(recess * (1.0 + film)) * uneven)

    def _ligaments(self) -> None:
        """Cruciates, collaterals, patellar and quadriceps tendons: dark bands."""
        x, y, z = self.x, self.y, self.z
        for start, end, radius in (
            ((9.0, -17.0, 17.0), (-2.0, 9.0, -1.0), 2.8),  # anterior cruciate
            ((-7.0, -2.0, 12.0), (-2.0, -26.0, -6.0), 3.6),  # posterior cruciate
            ((38.5, -5.0, 28.0), (36.0, -18.0, -13.0), 1.6),  # lateral collateral
        ):
            self._put("fibrous", 0.85 * inside((bones.segment(x, y, z, start, end) - radius) * self.mm))
        medial = np.sqrt((x + 38.5 - 0.0022 * (z + 2.0) ** 2) ** 2 + (y / 7.0) ** 2) - 1.1
        self._put("fibrous", inside(np.maximum(medial, np.abs(z + 5.0) - 38.0) * self.mm))
        tract = np.sqrt((x - 39.5 + 0.05 * np.abs(z)) ** 2 + ((y - 12.0) / 7.0) ** 2) - 1.1
        self._put("fibrous", inside(np.maximum(tract, np.maximum(-22.0 - z, z - 75.0)) * self.mm))
        lower = np.sqrt(((x - 2.0) / 12.0) ** 2 + ((y - 31.0 - 0.16 * z) / 2.6) ** 2) - 1
        upper = np.sqrt(((x - 1.0) / 17.0) ** 2 + ((y - 37.0 + 0.12 * (z - 40.0)) / 3.6) ** 2) - 1
        tendons = np.minimum(
            np.maximum(2.6 * lower, np.maximum(z - 4.0, -36.0 - z)), np.maximum(3.6 * upper, 36.0 - z)
        )
        self._put("fibrous", inside(tendons * self.mm))

    def _vessels(self) -> None:
        """Popliteal artery and vein, genicular branches, the great saphenous vein."""
        x, y, z = self.x, self.y, self.z
        behind = _VESSEL_Y(z)
        winding = 1.8 * np.sin(z * 0.075 + float(self.rng.uniform(0, 6.3)))
        artery = np.sqrt((x - 1.0 - 0.04 * z - winding) ** 2 + (y - behind) ** 2) - 2.6
        vein = np.sqrt((x - 6.5 - 0.02 * z - winding) ** 2 + (y - behind + 4.0) ** 2) - 3.3
        saphenous = np.sqrt((x + 46.0) ** 2 + (y + 14.0 + 0.1 * z) ** 2) - 1.6
        tubes = np.minimum(np.minimum(artery, vein), saphenous)
        for level, side in ((44.0, -1), (46.0, 1), (-9.0, -1), (-8.0, 1), (60.0, 1)):
            start = (3.0, float(_VESSEL_Y(np.array(level))), level)
            rise = float(self.rng.uniform(-3, 5))
            middle = (side * float(self.rng.uniform(34, 38)), -14.0, level + rise)
            across, up = float(self.rng.uniform(38, 44)), float(self.rng.uniform(-8, 8))
            end = (side * across, 14.0, level + rise + up)
            radius = float(self.rng.uniform(0.7, 1.2))
            branch = np.minimum(bones.segment(x, y, z, start, middle), bones.segment(x, y, z, middle, end))
            tubes = np.minimum(tubes, branch - radius)
        self._put("vessel", inside(tubes * self.mm))

    def _soft_tissue(self, bone: Array) -> None:
        """Muscles with septa along the leg, fat around them, fascia, subcutaneous fat and skin."""
        x, y, z, mm = self.x, self.y, self.z, self.mm
        wide, deep = _LEG_A(z), _LEG_B(z)
        leg = (np.sqrt((x / wide) ** 2 + ((y + 6.0) / deep) ** 2) - 1) * np.minimum(wide, deep)
        leg = join(leg, bones.ellipsoid(x, y, z, (2.0, 30.0, 18.0), (30.0, 17.0, 34.0)), 10.0) * mm
        leg = leg + 0.8 * self._noise(18.0)
        deep_fascia = leg + self.subject.fat * (0.45 + 0.55 * ramp(y, 40.0, 10.0))
        muscle = inside(deep_fascia + 1.5) * self._muscle_belly(bone)
        self._put("muscle", muscle * inside(-bone * mm + 1.2))
        self._put("fibrous", 0.6 * inside(np.abs(deep_fascia) - 0.3))
        self._put("fat", inside(leg + 1.6))
        self._put("skin", inside(leg))

    def _muscle_belly(self, bone: Array) -> Array:
        """Where muscle lies: above and below the joint and behind it, but not in the popliteal fossa."""
        x, y, z = self.x, self.y, self.z
        wavy = 3.0 * self._noise(14.0)
        beside = ramp(z + wavy, 8.0, 26.0) * ramp(x, -24.0, -34.0) * ramp(y, -5.0, 5.0)
        thigh = ramp(z + wavy, 30.0, 44.0) + beside
        calf = ramp(z + wavy, -24.0, -38.0) * (1 - ramp(wavy - x, 4.0, 18.0) * ramp(y + wavy, -13.0, -3.0))
        behind = ramp(y + 0.5 * wavy, -19.0, -27.0)
        fossa = ramp(np.abs(x - 3.0 + wavy), 20.0, 13.0) * ramp(y, -15.0, -21.0)
        fossa = fossa * ramp(np.abs(z - 32.0), 52.0, 36.0)
        belly = np.clip(thigh + calf + behind, 0.0, 1.0) * (1 - fossa) * ramp(bone, 1.0, 4.0)
        septum = np.abs(self._noise((9.0, 70.0, 14.0)))
        return belly * (1 - 0.7 * ramp(septum, 0.12, 0.03))


_VESSEL_Y = Profile(
    (-120, -33), (-40, -34), (-15, -36), (0, -37), (20, -34), (45, -26), (80, -20), (130, -14)
)
_LEG_A = Profile((-120, 50), (-75, 54), (-45, 52), (-15, 50), (0, 51), (25, 54), (60, 57), (130, 64))
_LEG_B = Profile((-120, 50), (-75, 56), (-30, 50), (0, 52), (40, 54), (130, 66))
