/* Outlines of a label map's areas on one slice, along the edges of voxels, just inside of each area. */

/* Steps and inner sides of edges to the right, down, left and up: an area lies on the right of its edges. */
const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]];
const INSIDE = [[0, 1], [-1, 0], [0, -1], [1, 0]];

/* Loops of each value: value to a list of flat arrays x, y, inner x, inner y a corner. `chosen` says which values count. */
function outlines(mask, begin, width, height, chosen) {
  const loops = new Map();
  const across = width + 1;
  const label = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : mask[begin + x + width * y]);
  const starts = new Map();
  // Edges that leave a corner, a bit a direction; of one value at a time.
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const value = mask[begin + x + width * y];
      if (!value || !chosen[value]) continue;
      const sides = (label(x, y - 1) !== value) | ((label(x + 1, y) !== value) << 1)
        | ((label(x, y + 1) !== value) << 2) | ((label(x - 1, y) !== value) << 3);
      if (!sides) continue;
      let edges = starts.get(value);
      if (!edges) starts.set(value, edges = new Map());
      const add = (corner, direction) => edges.set(corner, (edges.get(corner) || 0) | (1 << direction));
      const corner = x + across * y;
      if (sides & 1) add(corner, 0);
      if (sides & 2) add(corner + 1, 1);
      if (sides & 4) add(corner + 1 + across, 2);
      if (sides & 8) add(corner + across, 3);
    }
  }
  for (const [value, edges] of starts) {
    const found = [];
    for (const corner of edges.keys()) {
      while (edges.get(corner)) found.push(loop(edges, corner, across));
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
    const open = edges.get(corner);
    // Where two areas touch at a corner, round the own one: the sharpest turn to its inside.
    const turns = direction < 0 ? [0, 1, 2, 3] : [(direction + 1) % 4, direction, (direction + 3) % 4];
    direction = turns.find((one) => open & (1 << one));
    edges.set(corner, open & ~(1 << direction));
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
    const corner = (i) => [
      Math.round(left + flat[i] * voxel[0] + flat[i + 2] * inset - 0.5),
      Math.round(top + flat[i + 1] * voxel[1] + flat[i + 3] * inset - 0.5),
    ];
    let [x, y] = corner(0);
    for (let i = 4; i <= flat.length; i += 4) {
      const [endX, endY] = corner(i % flat.length);
      const length = Math.abs(endX - x) + Math.abs(endY - y);
      const [stepX, stepY] = [Math.sign(endX - x), Math.sign(endY - y)];
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
      [x, y] = [endX, endY];
    }
  }
}
