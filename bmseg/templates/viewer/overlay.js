/* Raters' outlines above an image, and where one of them differs from another. */

/* Kinds of difference, mask against reference, as places in `content.differences`. */
const SAME = 1;
const OTHER = 2;
const TOO_MUCH = 3;
const TOO_LITTLE = 4;
/* Of outlines: black, half seen through. */
const RIM = (140 << 24) >>> 0;

/* What each two labels are to each other, where `chosen` labels are looked at: kind[mask * 256 + reference]. */
function kindsOf(chosen, several, ignored) {
  const kinds = new Uint8Array(65536);
  for (let mask = 0; mask < 256; mask += 1) {
    for (let reference = 0; reference < 256; reference += 1) {
      const place = mask * 256 + reference;
      if (ignored && (mask === ignored || reference === ignored)) continue;
      const [here, there] = [chosen[mask], chosen[reference]];
      if (here && there) kinds[place] = several && mask !== reference ? OTHER : SAME;
      else if (here) kinds[place] = reference ? OTHER : TOO_MUCH;
      else if (there) kinds[place] = mask ? OTHER : TOO_LITTLE;
    }
  }
  return kinds;
}

/* Voxels of each kind, slice by slice: counts[kind][slice]. */
function differencesBySlice(mask, reference, kinds, count, slices) {
  const counts = [0, 1, 2, 3, 4].map(() => new Array(slices).fill(0));
  for (let slice = 0; slice < slices; slice += 1) {
    const found = [0, 0, 0, 0, 0];
    const end = (slice + 1) * count;
    for (let i = slice * count; i < end; i += 1) {
      if (mask[i] | reference[i]) found[kinds[mask[i] * 256 + reference[i]]] += 1;
    }
    found.forEach((number, kind) => { counts[kind][slice] = number; });
  }
  return counts;
}

class Overlay extends SliceCanvas {
  constructor(stage, canvas, differences) {
    super(stage, canvas);
    this.differences = differences.map(packedColor);
    this.shown = []; // {mask, dash, width, color(value)}
    this.linesShown = true;
    this.compared = null; // {mask, reference, kinds}
    this.filled = true;
    this.opacity = 0.6;
    this.mark = null; // {slice, centre, radius} in voxels
    this.kept = new Map();
  }

  paintAbove(context, place) {
    if (this.compared && this.filled) {
      this.fillDifferences();
      this.paintLayer(context, place, this.tint, this.opacity);
    }
    if (this.linesShown && this.shown.length) this.paintLines(context, place);
    if (this.mark && this.mark.slice === this.slice) this.paintMark(context, place);
  }

  /* Bring a voxel to the middle, as far as the image is larger than its place. */
  centreOn(x, y) {
    const { width, height, stage } = this;
    const [across, down] = this.image.facts.pixel_mm;
    const fit = Math.min(stage.clientWidth / (width * across), stage.clientHeight / (height * down)) * this.zoom;
    const shift = [(width / 2 - x - 0.5) * across * fit, (height / 2 - y - 0.5) * down * fit];
    const room = [(width * across * fit - stage.clientWidth) / 2, (height * down * fit - stage.clientHeight) / 2];
    this.shift = shift.map((one, axis) => Math.min(Math.max(one, -Math.max(room[axis], 0)), Math.max(room[axis], 0)));
    this.changed();
  }

  fillDifferences() {
    const { mask, reference, kinds } = this.compared;
    const { tint, differences } = this;
    const count = this.width * this.height;
    const begin = this.slice * count;
    for (let i = 0; i < count; i += 1) {
      const at = begin + i;
      const kind = kinds[mask[at] * 256 + reference[at]];
      tint.pixels[i] = kind > SAME ? differences[kind] : 0;
    }
    tint.context.putImageData(tint.data, 0, 0);
  }

  /* All outlines in one layer of the canvas's own pixels: their dark rims first, so that none hides another line. */
  paintLines(context, place) {
    const { width, height } = this.canvas;
    if (!this.lines || this.lines.canvas.width !== width || this.lines.canvas.height !== height) {
      this.lines = { ...layer(width, height), width, height };
    }
    this.lines.pixels.fill(0);
    const ratio = place.ratio * Math.min(1 + (this.zoom - 1) / 5, 1.8);
    for (const rim of [true, false]) {
      this.shown.forEach(({ dash, wide, color, ...one }, number) => {
        const thick = Math.max(Math.round(wide * ratio), 1);
        // Lines that lie on each other are all seen: each a little further inside.
        const look = { inset: (0.6 + 0.5 * number) * ratio, thick: rim ? thick + 2 : thick, dash: rim ? [] : dash.map((length) => Math.round(length * ratio)) };
        for (const [value, loops] of this.loops(one)) {
          drawLoops(this.lines, loops, place, { ...look, color: rim ? RIM : packedColor(color(value)) });
        }
      });
    }
    this.lines.context.putImageData(this.lines.data, 0, 0);
    context.drawImage(this.lines.canvas, 0, 0);
  }

  /* The loops of a mask on the slice, kept for when it is come back to. */
  loops({ mask, chosen, key }) {
    const name = `${key} ${this.slice}`;
    if (!this.kept.has(name)) {
      if (this.kept.size > 400) this.kept.clear();
      this.kept.set(name, outlines(mask, this.slice * this.width * this.height, this.width, this.height, chosen));
    }
    return this.kept.get(name);
  }

  paintMark(context, { left, top, voxel, ratio }) {
    const [x, y] = this.mark.centre;
    const radius = Math.max(this.mark.radius * Math.max(...voxel), 6 * ratio) + 5 * ratio;
    for (const [color, wide] of [['rgba(0, 0, 0, .7)', 4], ['#ffffff', 1.8]]) {
      context.strokeStyle = color;
      context.lineWidth = wide * ratio;
      context.beginPath();
      context.arc(left + (x + 0.5) * voxel[0], top + (y + 0.5) * voxel[1], radius, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}
