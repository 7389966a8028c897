/* A line of 10 cm with a sliding marker; the points of the scale stand on its other side. */

class Ruler {
  constructor(item, level, anchors, scale) {
    this.item = item;
    this.name = level ? level.title || level.name : 'Overall';
    this.scale = scale;
    this.value = null;
    this.onchange = () => {};
    this.element = made('div', { className: 'ruler' });
    this.element.dataset.item = item;
    this.input = made('input', { type: 'range', min: 0, max: scale * 10, step: 1, id: `ruler-${item}` });
    this.said = made('span', { className: 'said' });
    this.clear = made('button', { type: 'button', className: 'clear', textContent: '\u00d7', title: 'Delete' });
    this.clear.setAttribute('aria-label', `Take the marker of ${this.name} away`);
    const label = made('label', { htmlFor: this.input.id });
    if (level) {
      this.swatch = made('span', { className: 'swatch' });
      label.append(this.swatch);
    }
    label.append(made('strong', { textContent: this.name }));
    if (level && level.description) label.append(' ', made('small', { textContent: level.description }));
    const head = made('div', { className: 'head' });
    head.append(label, this.said, this.clear);
    const marks = made('ol', { className: 'centimetres' });
    marks.setAttribute('aria-hidden', 'true');
    for (let cm = 0; cm <= scale; cm += 1) marks.append(placed(made('li', { textContent: cm }), cm / scale));
    const points = made('ol', { className: 'anchors' });
    points.setAttribute('aria-hidden', 'true');
    anchors.forEach((anchor, place) => {
      // Two words under the line; the whole stands in the help.
      const point = made('li', { textContent: `${place + 1} ${anchor.split(',')[0]}`, title: anchor });
      points.append(placed(point, anchors.length > 1 ? place / (anchors.length - 1) : 0));
    });
    const line = made('div', { className: 'line' });
    line.append(marks, this.input, points);
    this.element.append(head, line);
    this.listen();
    this.show();
  }

  listen() {
    const { input } = this;
    input.addEventListener('input', () => this.give(input.valueAsNumber / 10));
    // The marker comes to where the line is touched. Left to itself, a browser would not move one that is
    // touched off its middle, nor take a touch where it waits unseen for a score.
    for (const native of ['mousedown', 'touchstart']) {
      input.addEventListener(native, (event) => event.preventDefault(), { passive: false });
    }
    input.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      input.focus();
      input.setPointerCapture(event.pointerId);
      this.give(this.at(event.clientX));
    });
    input.addEventListener('pointermove', (event) => {
      if (input.hasPointerCapture(event.pointerId)) this.give(this.at(event.clientX));
    });
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') this.give(input.valueAsNumber / 10);
      else if (event.key === 'Home' || event.key === 'End') this.give(event.key === 'Home' ? 0 : this.scale);
      else if (event.key === 'Delete' || event.key === 'Backspace') this.give(null);
      // Digits draw scores to whole centimetres: only for who asked for numbers.
      else if (/^\d$/.test(event.key) && document.body.classList.contains('centimetres') && !event.ctrlKey && !event.altKey && !event.metaKey) {
        this.give(Math.min(Number(event.key), this.scale));
        event.stopPropagation();
      } else return;
      event.preventDefault();
    });
    this.clear.addEventListener('click', () => {
      this.give(null);
      input.focus();
    });
  }

  /* cm of a place on the screen: the line ends half a marker inside of its control. */
  at(x) {
    const { left, width } = this.input.getBoundingClientRect();
    const thumb = parseFloat(getComputedStyle(this.input).getPropertyValue('--thumb'));
    const share = (x - left - thumb / 2) / (width - thumb);
    return Math.round(Math.min(Math.max(share, 0), 1) * this.scale * 10) / 10;
  }

  give(value) {
    if (value === this.value) return;
    this.set(value);
    this.onchange(value);
  }

  /* cm, or null where nothing is scored. */
  set(value) {
    this.value = value;
    this.input.value = value === null ? this.scale * 5 : Math.round(value * 10);
    this.show();
  }

  show() {
    const given = this.value !== null;
    this.element.classList.toggle('unset', !given);
    const text = given ? `${this.value.toFixed(1)} cm` : 'not scored yet';
    this.input.setAttribute('aria-valuetext', text);
    this.said.textContent = given ? text : 'not scored';
    this.clear.hidden = !given;
  }
}

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

function placed(element, share) {
  element.style.left = `${100 * share}%`;
  element.classList.toggle('first', share === 0);
  element.classList.toggle('last', share === 1);
  return element;
}
