/* A bar of all slices of an exam: a row a thing that lies in them, a column a slice; where it is clicked, or by keys. */

/* The name of its kind, asked of the browser: it is an address, and a page holds none. */
const SVG = new DOMParser().parseFromString('<svg></svg>', 'text/html').querySelector('svg').namespaceURI;
const BAR_ROW = 12;

class SliceBar {
  /* element: an empty element; `go` is called with the slice, from 0, that somebody wants. */
  constructor(element, go) {
    this.element = element;
    this.go = go;
    this.rows = [];
    this.slices = 0;
    element.tabIndex = 0;
    element.setAttribute('role', 'slider');
    element.setAttribute('aria-orientation', 'horizontal');
    element.setAttribute('aria-valuemin', 1);
    const choose = (event) => {
      if (!this.slices) return;
      const { left, width } = this.picture.getBoundingClientRect();
      const place = Math.floor(((event.clientX - left) / width) * this.slices);
      this.go(Math.min(Math.max(place, 0), this.slices - 1));
    };
    element.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      choose(event);
    });
    element.addEventListener('pointermove', (event) => {
      if (element.hasPointerCapture(event.pointerId)) choose(event);
    });
  }

  /* rows: {name, color, counts, most}, voxels a slice; heights are shares of the row's highest, or of `most`. */
  show(slices, rows) {
    this.slices = slices;
    this.rows = rows;
    this.element.setAttribute('aria-valuemax', slices);
    const names = document.createElement('div');
    names.className = 'bar-names';
    names.setAttribute('aria-hidden', 'true');
    rows.forEach(({ name, color }) => {
      const entry = document.createElement('span');
      const swatch = document.createElement('i');
      swatch.style.background = color;
      entry.append(swatch, name);
      names.append(entry);
    });
    const height = BAR_ROW * Math.max(rows.length, 1);
    this.picture = svg('svg', { viewBox: `0 0 ${slices} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.picture.style.height = `${height}px`;
    this.here = svg('rect', { class: 'here', y: 0, width: 1, height });
    this.picture.append(this.here);
    rows.forEach(({ color, counts, most }, row) => {
      const highest = Math.max(most || 0, ...counts, 1);
      this.picture.append(svg('line', {
        class: 'base', x1: 0, x2: slices, y1: (row + 1) * BAR_ROW, y2: (row + 1) * BAR_ROW,
      }));
      counts.forEach((count, slice) => {
        if (!count) return;
        // A single voxel is to be seen too.
        const tall = 2 + (count / highest) * (BAR_ROW - 4);
        this.picture.append(svg('rect', {
          x: slice + 0.06, width: 0.88, y: (row + 1) * BAR_ROW - tall, height: tall, fill: color,
        }));
      });
    });
    this.element.replaceChildren(names, this.picture);
  }

  clear() {
    this.slices = 0;
    this.rows = [];
    this.element.replaceChildren();
  }

  at(slice) {
    if (!this.slices) return;
    this.here.setAttribute('x', slice);
    const held = this.rows.filter(({ counts }) => counts[slice]).map(({ name, counts }) => `${name} ${counts[slice]}`);
    this.element.setAttribute('aria-valuenow', slice + 1);
    this.element.setAttribute(
      'aria-valuetext',
      `Slice ${slice + 1} of ${this.slices}: ${held.length ? `voxels of ${held.join(', ')}` : 'nothing marked'}`,
    );
  }
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/* Voxels of every value in every slice of a mask: counts[value][slice]. */
function countsBySlice(mask, count, slices, values) {
  const counts = new Map(values.map((value) => [value, new Array(slices).fill(0)]));
  const found = new Uint32Array(256);
  for (let slice = 0; slice < slices; slice += 1) {
    found.fill(0);
    const end = (slice + 1) * count;
    for (let i = slice * count; i < end; i += 1) found[mask[i]] += 1;
    for (const [value, of] of counts) of[slice] = found[value];
  }
  return counts;
}
