/* One exam's slices on a canvas, grey by a table of the window; what lies above it is drawn by who extends this. */

const ZOOM_STEP = 1.25;
const ZOOM_MOST = 8;

class SliceCanvas {
  constructor(stage, canvas) {
    this.stage = stage;
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false });
    this.windowName = null;
    this.table = new Uint8ClampedArray(65536);
    this.onchange = () => {};
    this.pending = false;
    new ResizeObserver(() => this.draw()).observe(stage);
    this.listen();
  }

  /* image: {facts, values}, facts as the page has them, values null where there is no image. */
  open(image, name, slice = null) {
    this.image = image;
    this.name = name;
    [this.width, this.height, this.slices] = image.facts.shape;
    this.slice = Math.min(Math.max(slice ?? Math.floor((this.slices - 1) / 2), 0), this.slices - 1);
    this.grey = layer(this.width, this.height);
    this.tint = layer(this.width, this.height);
    this.zoom = 1;
    this.shift = [0, 0];
    const { windows } = image.facts;
    // A window set by hand is that of one exam; a named one is taken along.
    if (windows.length) this.useWindow(this.windowName || windows[0].name);
    else this.changed();
  }

  close() {
    this.image = null;
    this.canvas.setAttribute('aria-label', 'Image');
    this.draw();
  }

  useWindow(name) {
    if (!this.windowed) return;
    const found = this.image.facts.windows.find((one) => one.name === name);
    this.windowName = name;
    this.setBounds(found.low, found.high);
  }

  get windowed() { return Boolean(this.image && this.image.facts.windows.length); }

  setBounds(low, high) {
    this.low = low;
    this.high = Math.max(high, low + (this.image.facts.windows[0].high - this.image.facts.windows[0].low) / 200);
    const { offset, scale } = this.image.facts;
    const slope = 255 / (this.high - this.low);
    for (let value = 0; value < 65536; value += 1) {
      this.table[value] = (offset + scale * value - this.low) * slope;
    }
    this.changed();
  }

  /* Change width and level by shares of the standard window's width. */
  turn(width, level) {
    if (!this.windowed) return;
    const standard = this.image.facts.windows[0];
    const unit = standard.high - standard.low;
    const centre = (this.low + this.high) / 2 + level * unit;
    const half = Math.max(((this.high - this.low) + width * unit) / 2, unit / 200);
    this.windowName = null;
    this.setBounds(centre - half, centre + half);
  }

  go(step) { this.goTo(this.slice + step); }

  goTo(slice) {
    if (!this.image) return;
    const wanted = Math.min(Math.max(slice, 0), this.slices - 1);
    if (wanted === this.slice) return;
    this.slice = wanted;
    this.changed();
  }

  /* `at`: what stays where it is, in pixels from the middle of the stage. */
  magnify(factor, at = [0, 0]) {
    if (!this.image) return;
    const zoom = Math.min(Math.max(this.zoom * factor, 1), ZOOM_MOST);
    this.shift = zoom === 1 ? [0, 0] : this.shift.map((one, axis) => at[axis] + ((one - at[axis]) * zoom) / this.zoom);
    this.zoom = zoom;
    this.changed();
  }

  reset() {
    if (!this.image) return;
    this.zoom = 1;
    this.shift = [0, 0];
    if (this.windowed) this.useWindow(this.image.facts.windows[0].name);
    else this.changed();
  }

  set(values) {
    Object.assign(this, values);
    this.changed();
  }

  changed() {
    this.onchange();
    this.draw();
  }

  draw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.paint();
    });
  }

  paint() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.stage.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.stage.clientHeight * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const context = this.context;
    context.globalAlpha = 1;
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    if (!this.image) return;
    this.fill();
    const [across, down] = this.image.facts.pixel_mm;
    const fit = Math.min(width / (this.width * across), height / (this.height * down)) * this.zoom;
    const size = [this.width * across * fit, this.height * down * fit];
    const left = (width - size[0]) / 2 + this.shift[0] * ratio;
    const top = (height - size[1]) / 2 + this.shift[1] * ratio;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.grey.canvas, left, top, ...size);
    this.paintAbove(context, { left, top, size, ratio, voxel: [across * fit, down * fit] });
  }

  /* What lies above the image: `place` says where on the canvas it is, and how large a voxel is there. */
  paintAbove() {}

  /* A layer of voxels, without half ones. */
  paintLayer(context, { left, top, size }, which, opacity) {
    context.imageSmoothingEnabled = false;
    context.globalAlpha = opacity;
    context.drawImage(which.canvas, left, top, ...size);
    context.globalAlpha = 1;
  }

  /* The slice into its layer, as it is in voxels. */
  fill() {
    const count = this.width * this.height;
    const begin = this.slice * count;
    const { values } = this.image;
    const { grey, table } = this;
    for (let i = 0; i < count; i += 1) {
      const shade = values ? table[values[begin + i]] : 0;
      grey.pixels[i] = (255 << 24) | (shade << 16) | (shade << 8) | shade;
    }
    grey.context.putImageData(grey.data, 0, 0);
  }

  listen() {
    const { stage } = this;
    let turned = 0;
    stage.addEventListener('wheel', (event) => {
      event.preventDefault();
      if (!this.image) return;
      if (event.ctrlKey) {
        const box = stage.getBoundingClientRect();
        const at = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
        this.magnify(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, at);
        return;
      }
      // A notch of a wheel is a slice; a touchpad sends many small turns.
      turned += event.deltaMode === 0 ? event.deltaY : Math.sign(event.deltaY) * 100;
      const steps = Math.trunc(turned / 50);
      if (steps) {
        this.go(Math.sign(steps));
        turned = 0;
      }
    }, { passive: false });
    let from = null;
    stage.addEventListener('pointerdown', (event) => {
      if (!this.image || event.button > 1) return;
      from = [event.clientX, event.clientY];
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener('pointermove', (event) => {
      if (!from || !this.image) return;
      const step = [event.clientX - from[0], event.clientY - from[1]];
      from = [event.clientX, event.clientY];
      if (event.shiftKey || event.buttons === 4) {
        this.shift = [this.shift[0] + step[0], this.shift[1] + step[1]];
        this.changed();
      } else {
        this.turn(step[0] / 300, step[1] / 300);
      }
    });
    for (const end of ['pointerup', 'pointercancel']) stage.addEventListener(end, () => { from = null; });
    stage.addEventListener('dblclick', () => this.reset());
  }
}

function layer(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  const data = context.createImageData(width, height);
  return { canvas, context, data, pixels: new Uint32Array(data.data.buffer) };
}

/* #rrggbb as the bytes r, g, b, opaque; canvases are little-endian on every machine that has one. */
function packedColor(hex) {
  const [red, green, blue] = [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
