/* A mask in colour above its image. */

class Viewer extends SliceCanvas {
  constructor(content, stage, canvas) {
    super(stage, canvas);
    this.content = content;
    this.maskShown = true;
    this.opacity = 0.5;
    this.scheme = 'color';
  }

  /* mask: a byte a voxel. */
  openMask(image, mask, name) {
    this.mask = mask;
    this.open(image, name);
  }

  paintAbove(context, place) {
    if (!this.maskShown) return;
    const { tint, mask } = this;
    const colors = new Uint32Array(256);
    this.content.levels.forEach((level) => { colors[level.value] = packedColor(level[this.scheme]); });
    const count = this.width * this.height;
    const begin = this.slice * count;
    for (let i = 0; i < count; i += 1) tint.pixels[i] = colors[mask[begin + i]];
    tint.context.putImageData(tint.data, 0, 0);
    this.paintLayer(context, place, tint, this.opacity);
  }
}
