"""One knee: its tissues laid over each other.

Shapes are evaluated on half slices, so that a voxel's fractions carry the partial volume of thick slices,
and are laid over each other front to back: a tissue takes its part of what those before it left.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from dataset_conversion.phantom import bones
from dataset_conversion.phantom.fields import Array, Profile, inside, join, ramp, smooth_noise
from dataset_conversion.phantom.subject import Subject

#: Every tissue a fraction is given for; what is left of a voxel is air.
TISSUES = (
    "marrow", "cortex", "physis", "vessel", "cartilage", "fibrous", "fluid", "muscle", "fat", "skin",
)  # fmt: skip

Span = tuple[float, float]
Box = tuple[slice, slice, slice]
EVERYWHERE: Span = (-np.inf, np.inf)
#: How far beyond a small shape's surface a voxel may have a fraction of it, and somewhat more, mm.
EDGE = 1.0

#: Equal parts a slice is evaluated in.
PARTS = 2


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
        # Least and greatest coordinate along the array's axis that it follows.
        self._reach = [
            (along.min(axis=others), along.max(axis=others))
            for along, others in ((self.x, (1, 2)), (self.z, (0, 2)), (self.y, (0, 1)))
        ]
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

    def _box(self, x: Span = EVERYWHERE, y: Span = EVERYWHERE, z: Span = EVERYWHERE) -> Box:
        """The part of the arrays that holds all voxels within spans of the coordinates, mm."""
        found = []
        for (least, greatest), (low, high) in zip(self._reach, (x, z, y), strict=True):
            met = np.flatnonzero((greatest >= low) & (least <= high))
            found.append(slice(int(met[0]), int(met[-1]) + 1) if len(met) else slice(0))
        return found[0], found[1], found[2]

    def _around(self, *points: tuple[float, float, float], margin: float) -> Box:
        """The part of the arrays that holds all voxels nearer than a margin to a line through points."""
        x, y, z = ((min(along) - margin, max(along) + margin) for along in zip(*points, strict=True))
        return self._box(x, y, z)

    def _put(self, tissue: str, fraction: Array, box: Box | None = None) -> None:
        """Lay a tissue over what is left; `fraction` is that of a part of the arrays, zero beyond it."""
        at = box or (slice(None),) * 3
        part = self.left[at] * fraction
        self.found[tissue][at] += part
        self.left[at] -= part

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
                across, deep = float(self.rng.uniform(-9, 9)), float(self.rng.uniform(-7, 7))
                end = min(start + length, high)
                box = self._box(x=(-15.0, 15.0), z=(start - EDGE, end + EDGE))
                x, y, z = self.x[box], self.y[box], self.z[box]
                cx, cy = across + sway * np.sin(z * 0.11 + phase), deep + 0.06 * z
                tube = np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - radius
                beyond = np.maximum(start - z, z - end)
                distance[box] = np.minimum(distance[box], np.maximum(tube, beyond))
        return inside(distance * self.mm)

    def _joint(self, femur: Array, tibia: Array, patella: Array) -> None:
        """Cartilage on the bones, menisci between, and fluid in what stays free."""
        box = self._box(x=(-60.0, 60.0), z=(-17.0, 76.0))
        x, y, z, mm = self.x[box], self.y[box], self.z[box], self.mm
        femur, tibia, patella = femur[box], tibia[box], patella[box]
        thick = self.subject.cartilage / mm
        side = np.abs(x)
        rim = np.sqrt((side - 18.0) ** 2 + ((y + 5.0) * 0.72) ** 2)
        wedge = np.abs(z - 0.2 - 0.10 * (rim - 9.0)) - 0.05 - 0.27 * (rim - 7.0)
        horns = np.maximum(ramp(side, 14.0, 19.0), ramp(np.abs(y + 5.0), 10.0, 15.0)) * ramp(side, 4.0, 7.0)
        self._put("fibrous", inside(np.maximum(wedge, np.maximum(rim - 17.0, 7.0 - rim)) * mm) * horns, box)
        # Femoral cartilage: below, behind the condyles higher, and in front on the trochlea.
        upper = 15.0 + 14.0 * ramp(y, -20.0, -30.0)
        front = ramp(y, 12.0, 18.0) * ramp(z, 42.0, 36.0)
        facing = ramp(z - upper, 3.0, -4.0) * (1 - ramp(side, 34.0, 38.0)) + front
        notch = ramp(side, 11.0, 8.0) * ramp(y, 8.0, 2.0)
        femoral = inside((femur - thick) * mm) * np.clip(facing - notch, 0.0, 1.0)
        on_plateau = ramp(z, -9.0, -6.5)
        tibial = inside((tibia - thick) * mm) * on_plateau * ramp(side, 5.0, 8.0) * ramp(side, 37.0, 34.0)
        retropatellar = inside((patella - thick) * mm) * ramp(y, 34.0, 31.0)
        self._put("cartilage", np.maximum(np.maximum(femoral, tibial), retropatellar), box)
        film = self.subject.effusion
        space = np.minimum(femur, tibia) - thick - film * 0.6 / mm
        between = ramp(np.abs(z - 3.0), 12.0, 8.0) * ramp(side, 36.0, 33.0)
        uneven = np.clip(0.75 + 0.5 * self._noise(9.0)[box], 0.0, 1.0)
        self._put("fluid", inside(space * mm) * between * uneven, box)
        deep = 0.4 + 0.8 * film
        recess = np.sqrt(((x - 8.0) / 10.0) ** 2 + ((y - 25.0) / deep) ** 2 + ((z - 50.0) / 15.0) ** 2) - 1
        self._put("fluid", 0.8 * inside(recess * (1.0 + film)) * uneven, box)

    def _ligaments(self) -> None:
        """Cruciates, collaterals, patellar and quadriceps tendons: dark bands."""
        for start, end, radius in (
            ((9.0, -17.0, 17.0), (-2.0, 9.0, -1.0), 2.8),  # anterior cruciate
            ((-7.0, -2.0, 12.0), (-2.0, -26.0, -6.0), 3.6),  # posterior cruciate
            ((38.5, -5.0, 28.0), (36.0, -18.0, -13.0), 1.6),  # lateral collateral
        ):
            box = self._around(start, end, margin=radius + EDGE)
            band = bones.segment(self.x[box], self.y[box], self.z[box], start, end) - radius
            self._put("fibrous", 0.85 * inside(band * self.mm), box)
        box = self._box(x=(-41.0, -32.0), y=(-15.0, 15.0), z=(-44.0, 34.0))
        x, y, z = self.x[box], self.y[box], self.z[box]
        medial = np.sqrt((x + 38.5 - 0.0022 * (z + 2.0) ** 2) ** 2 + (y / 7.0) ** 2) - 1.1
        self._put("fibrous", inside(np.maximum(medial, np.abs(z + 5.0) - 38.0) * self.mm), box)
        box = self._box(x=(33.0, 42.0), y=(-4.0, 28.0), z=(-23.0, 76.0))
        x, y, z = self.x[box], self.y[box], self.z[box]
        tract = np.sqrt((x - 39.5 + 0.05 * np.abs(z)) ** 2 + ((y - 12.0) / 7.0) ** 2) - 1.1
        self._put("fibrous", inside(np.maximum(tract, np.maximum(-22.0 - z, z - 75.0)) * self.mm), box)
        box = self._box(x=(-25.0, 25.0), y=(17.0, 60.0), z=(-37.0, np.inf))
        x, y, z = self.x[box], self.y[box], self.z[box]
        lower = np.sqrt(((x - 2.0) / 12.0) ** 2 + ((y - 31.0 - 0.16 * z) / 2.6) ** 2) - 1
        upper = np.sqrt(((x - 1.0) / 17.0) ** 2 + ((y - 37.0 + 0.12 * (z - 40.0)) / 3.6) ** 2) - 1
        tendons = np.minimum(
            np.maximum(2.6 * lower, np.maximum(z - 4.0, -36.0 - z)), np.maximum(3.6 * upper, 36.0 - z)
        )
        self._put("fibrous", inside(tendons * self.mm), box)

    def _vessels(self) -> None:
        """Popliteal artery and vein, genicular branches, the great saphenous vein."""
        distance = np.full_like(self.x, 9.0)

        def lay(box: Box, *tubes: Array) -> None:
            for tube in tubes:
                np.minimum(distance[box], tube, out=distance[box])

        box = self._box(x=(-11.0, 17.0), y=(-47.0, -8.0))
        x, y, z = self.x[box], self.y[box], self.z[box]
        behind = _VESSEL_Y(z)
        winding = 1.8 * np.sin(z * 0.075 + float(self.rng.uniform(0, 6.3)))
        artery = np.sqrt((x - 1.0 - 0.04 * z - winding) ** 2 + (y - behind) ** 2) - 2.6
        vein = np.sqrt((x - 6.5 - 0.02 * z - winding) ** 2 + (y - behind + 4.0) ** 2) - 3.3
        lay(box, artery, vein)
        box = self._box(x=(-49.0, -43.0))
        x, y, z = self.x[box], self.y[box], self.z[box]
        lay(box, np.sqrt((x + 46.0) ** 2 + (y + 14.0 + 0.1 * z) ** 2) - 1.6)
        for level, side in ((44.0, -1), (46.0, 1), (-9.0, -1), (-8.0, 1), (60.0, 1)):
            start = (3.0, float(_VESSEL_Y(np.array(level))), level)
            rise = float(self.rng.uniform(-3, 5))
            middle = (side * float(self.rng.uniform(34, 38)), -14.0, level + rise)
            across, up = float(self.rng.uniform(38, 44)), float(self.rng.uniform(-8, 8))
            end = (side * across, 14.0, level + rise + up)
            radius = float(self.rng.uniform(0.7, 1.2))
            for ends in ((start, middle), (middle, end)):
                box = self._around(*ends, margin=radius + EDGE)
                lay(box, bones.segment(self.x[box], self.y[box], self.z[box], *ends) - radius)
        self._put("vessel", inside(distance * self.mm))

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
