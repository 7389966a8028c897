/* Outlines of a label map's areas on one slice, along the edges of voxels, just inside of each area. */

/* Steps and inner sides of edges to the right, down, left and up: an area lies on the right of its edges. */
const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]];
const INSIDE = [[0, 1], [-1, 0], [0, -1], [1, 0]];

/* Edges that leave each corner, a bit a direction: of one value at a time, and none when its loops are made. */
let leaving = new Uint8Array(0);

/* Loops of each value: value to a list of flat arrays x, y, inner x, inner y a corner. `chosen` says which values count. */
function outlines(mask, begin, width, height, chosen) {
  const loops = new Map();
  const across = width + 1;
  if (leaving.length < across * (height + 1)) leaving = new Uint8Array(across * (height + 1));
  // Voxels at the border of each value: corner above on the left, and open sides, in turn.
  const borders = new Map();
  for (let y = 0, i = begin; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, i += 1) {
      const value = mask[i];
      if (!value || !chosen[value]) continue;
      const sides = (y === 0 || mask[i - width] !== value ? 1 : 0) | (x + 1 === width || mask[i + 1] !== value ? 2 : 0)
        | (y + 1 === height || mask[i + width] !== value ? 4 : 0) | (x === 0 || mask[i - 1] !== value ? 8 : 0);
      if (!sides) continue;
      if (!borders.has(value)) borders.set(value, []);
      borders.get(value).push(x + across * y, sides);
    }
  }
  for (const [value, border] of borders) {
    const corners = [];
    const add = (corner, direction) => {
      if (!leaving[corner]) corners.push(corner);
      leaving[corner] |= 1 << direction;
    };
    for (let i = 0; i < border.length; i += 2) {
      const [corner, sides] = [border[i], border[i + 1]];
      if (sides & 1) add(corner, 0);
      if (sides & 2) add(corner + 1, 1);
      if (sides & 4) add(corner + 1 + across, 2);
      if (sides & 8) add(corner + across, 3);
    }
    const found = [];
    for (const corner of corners) {
      while (leaving[corner]) found.push(loop(leaving, corner, across));
    }
    loops.set(value, found);
  }
  return loops;
}

/* One loop from a corner back to it; its edges are taken out. */
function loop(edges, first, across) {
  const directions = [];
  const corners = [];
  let corner = first;
  let direction = -1;
  do {
    const open = edges[corner];
    // Where two areas touch at a corner, round the own one: the sharpest turn to its inside.
    if (direction < 0) direction = open & 1 ? 0 : open & 2 ? 1 : open & 4 ? 2 : 3;
    else if (open & (1 << (direction + 1) % 4)) direction = (direction + 1) % 4;
    else if (!(open & (1 << direction))) direction = (direction + 3) % 4;
    edges[corner] = open & ~(1 << direction);
    corners.push(corner);
    directions.push(direction);
    corner += STEPS[direction][0] + across * STEPS[direction][1];
  } while (corner !== first);
  const flat = [];
  for (let i = 0; i < corners.length; i += 1) {
    const before = directions[(i + directions.length - 1) % directions.length];
    const after = directions[i];
    if (before === after) continue;
    const x = corners[i] % across;
    flat.push(x, (corners[i] - x) / across, INSIDE[before][0] + INSIDE[after][0], INSIDE[before][1] + INSIDE[after][1]);
  }
  return flat;
}

/* Draw loops into pixels of the canvas's size, `inset` pixels inside of the area's edge, `thick` pixels wide.
   Canvases stroke long dashed paths slowly, and these are made of nothing but upright and level lines. */
function drawLoops({ pixels, width, height }, loops, { left, top, voxel }, { inset, thick, dash, color }) {
  const before = Math.floor(thick / 2);
  const period = dash.reduce((sum, one) => sum + one, 0);
  // Whether the line is drawn at a distance from its begin: at every pixel of the pattern.
  const drawn = new Uint8Array(period || 1).fill(1);
  dash.reduce((begin, one, place) => {
    if (place % 2) drawn.fill(0, begin, begin + one);
    return begin + one;
  }, 0);
  const run = (x0, y0, x1, y1) => {
    const from = Math.max(Math.min(x0, x1) - before, 0);
    const to = Math.min(Math.max(x0, x1) - before + thick, width);
    if (to <= from) return;
    const last = Math.min(Math.max(y0, y1) - before + thick, height);
    for (let row = Math.max(Math.min(y0, y1) - before, 0); row < last; row += 1) {
      for (let pixel = row * width + from, end = row * width + to; pixel < end; pixel += 1) pixels[pixel] = color;
    }
  };
  for (const flat of loops) {
    let way = 0;
    const across = (i) => Math.round(left + flat[i] * voxel[0] + flat[i + 2] * inset - 0.5);
    const down = (i) => Math.round(top + flat[i + 1] * voxel[1] + flat[i + 3] * inset - 0.5);
    let x = across(0);
    let y = down(0);
    for (let i = 4; i <= flat.length; i += 4) {
      const endX = across(i % flat.length);
      const endY = down(i % flat.length);
      const length = Math.abs(endX - x) + Math.abs(endY - y);
      const stepX = Math.sign(endX - x);
      const stepY = Math.sign(endY - y);
      const outside = Math.max(x, endX) < -thick || Math.min(x, endX) > width + thick
        || Math.max(y, endY) < -thick || Math.min(y, endY) > height + thick;
      if (!outside && !period) run(x, y, endX, endY);
      else if (!outside) {
        let begin = -1;
        for (let step = 0; step <= length; step += 1) {
          const on = step < length && drawn[(way + step) % period];
          if (on && begin < 0) begin = step;
          else if (!on && begin >= 0) {
            run(x + stepX * begin, y + stepY * begin, x + stepX * (step - 1), y + stepY * (step - 1));
            begin = -1;
          }
        }
      }
      way += length;
      x = endX;
      y = endY;
    }
  }
}
