/* The viewer of exams: one is loaded at a time, from the file beside the page that holds it. */

const at = (id) => document.getElementById(id);
/* Lines of raters: dashes, in pixels; and their colours, where lines are coloured by rater. */
const DASHES = [[], [7, 4], [2, 3], [11, 3, 2, 3], [4, 2], [9, 6], [1, 5], [6, 2, 1, 2, 1, 2]];
const RATER_COLORS = ['#ffffff', '#ff8c1a', '#4dd2ff', '#ffe14d', '#ff7ac8', '#7be87b', '#b9a3ff', '#c9a27a'];
const SCHEMES = ['color', 'safe', 'rater'];
const KEPT_EXAMS = 3;

/* Exams that came in, by name; each file of an exam calls this. */
const cameIn = new Map();
window.bmsegExam = (exam) => cameIn.set(exam.name, exam);

class Exams {
  constructor(content) {
    this.content = content;
    this.exams = new Map();
    this.everything = { name: '', title: `all ${content.words.levels}`, values: content.levels.map(({ index }) => index) };
    this.areas = [this.everything, ...content.areas];
    this.area = this.everything;
    this.rater = content.first;
    this.against = content.against;
    this.scheme = 'color';
    this.focus = null;
    this.visible = new Set([content.against, content.first].filter(Boolean));
    this.viewer = new Overlay(at('stage'), at('canvas'), ['#000000', ...content.differences.map(({ color }) => color)]);
    this.viewer.onchange = () => this.showDisplay();
    this.bar = new SliceBar(at('slices'), (slice) => this.viewer.goTo(slice));
    this.build();
    this.listen();
  }

  /* What the address asks for; what it does not name stays. */
  async follow() {
    const asked = new URLSearchParams(window.location.hash.slice(1));
    const { exams, raters } = this.content;
    const [exam, rater, level, slice] = ['exam', 'rater', 'level', 'slice'].map((name) => asked.get(name));
    const unknown = [];
    if (rater && raters.some(({ name }) => name === rater)) this.choose(rater);
    else if (rater) unknown.push(`rater ${rater}`);
    const area = this.areas.find(({ name }) => name === (level || ''));
    if (area) this.area = area;
    else unknown.push(`${this.content.words.level} ${level}`);
    if (exam && !exams.includes(exam)) unknown.push(`exam ${exam}`);
    const number = Number(slice);
    if (slice !== null && !(Number.isInteger(number) && number >= 1)) unknown.push(`slice ${slice}`);
    this.said(unknown.length ? `The address names what is not here: ${unknown.join(', ')}.` : '');
    await this.open(exams.includes(exam) ? exam : this.name || exams[0], number >= 1 ? number - 1 : null);
  }

  async open(name, slice = null) {
    this.name = name;
    at('exam').value = name;
    const place = this.content.exams.indexOf(name);
    at('previous').disabled = place <= 0;
    at('next').disabled = place === this.content.exams.length - 1;
    if (this.shownName !== name) {
      this.viewer.close();
      this.bar.clear();
      this.focus = null;
      this.viewer.mark = null;
      this.loading(`Opening ${name} …`);
      delete document.body.dataset.shown;
    }
    try {
      this.exam = await this.load(name);
    } catch (error) {
      if (this.name === name) this.loading(error.message);
      return;
    }
    // Another was asked for meanwhile.
    if (this.name !== name) return;
    this.loading('');
    this.showRaters();
    this.compare();
    this.showFoci();
    if (this.shownName !== name) {
      this.viewer.kept.clear();
      this.shownName = name;
      this.viewer.open(this.exam.image, name, slice ?? this.worst());
    } else if (slice !== null) {
      this.viewer.goTo(slice);
      this.viewer.changed();
    } else this.viewer.changed();
    document.body.dataset.shown = name;
    document.title = `${name}: exams`;
  }

  async load(name) {
    if (!this.exams.has(name)) {
      if (this.exams.size >= KEPT_EXAMS) this.exams.delete(this.exams.keys().next().value);
      this.exams.set(name, this.read(name));
      this.exams.get(name).catch(() => this.exams.delete(name));
    }
    return this.exams.get(name);
  }

  async read(name) {
    const file = `${name}.js`;
    await new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = encodeURIComponent(file);
      script.onload = () => { script.remove(); resolve(); };
      script.onerror = () => {
        script.remove();
        reject(new Error(`${file} cannot be read: expected beside this page; copy the whole folder.`));
      };
      document.head.append(script);
    });
    const found = cameIn.get(name);
    cameIn.delete(name);
    if (!found || found.build !== this.content.build) {
      throw new Error(`${file} is damaged or of another evaluation than this page: make both again.`);
    }
    const raters = Object.keys(found.masks);
    try {
      const [values, ...masks] = await Promise.all([
        found.image ? unpackedImage(found.image.text) : null, ...raters.map((rater) => unpacked(found.masks[rater])),
      ]);
      const [width, height, slices] = found.shape;
      if ([...masks, ...(values ? [values] : [])].some(({ length }) => length !== width * height * slices)) throw new Error();
      const facts = { shape: found.shape, pixel_mm: found.pixel_mm, windows: [], ...found.image };
      return { ...found, image: { facts, values }, masks: new Map(raters.map((rater, place) => [rater, masks[place]])) };
    } catch {
      throw new Error(`${file} is damaged: get a new copy of it.`);
    }
  }

  loading(text) {
    at('loading').textContent = text;
    at('loading').hidden = !text;
  }

  said(text) {
    at('said').textContent = text;
    at('said').hidden = !text;
  }

  get chosen() {
    const chosen = new Uint8Array(256);
    this.area.values.forEach((value) => { chosen[value] = 1; });
    return chosen;
  }

  /* Take a rater to compare; it is shown then. */
  choose(rater) {
    if (rater === this.rater) return;
    // What was shown for this comparison alone goes with it.
    if (!this.kept && this.rater !== this.against) this.visible.delete(this.rater);
    this.rater = rater;
    this.visible.add(rater);
  }

  /* Where the chosen rater differs, and all that follows: bar, words, colours. */
  compare() {
    const { exam, content } = this;
    const [mask, reference] = [exam.masks.get(this.rater), exam.masks.get(this.against)];
    const [width, height, slices] = exam.shape;
    const { chosen } = this;
    const levels = content.levels.filter(({ index }) => chosen[index]);
    const whole = reference || mask;
    const rows = [];
    this.counts = null;
    this.viewer.compared = null;
    if (whole) {
      const counts = countsBySlice(whole, width * height, slices, levels.map(({ index }) => index));
      levels.forEach((level) => rows.push({
        name: level.title, color: this.colorOf(level), counts: counts.get(level.index),
      }));
    }
    if (mask && reference && this.rater !== this.against) {
      const kinds = kindsOf(chosen, this.area === this.everything, content.ignored);
      this.viewer.compared = { mask, reference, kinds };
      this.counts = differencesBySlice(mask, reference, kinds, width * height, slices);
      const most = Math.max(...[TOO_MUCH, TOO_LITTLE, OTHER].flatMap((kind) => this.counts[kind]));
      [TOO_MUCH, TOO_LITTLE, OTHER].forEach((kind) => {
        const { color } = content.differences[kind - 1];
        rows.push({ name: this.kindName(kind), color, counts: this.counts[kind], most });
      });
    }
    this.bar.show(slices, rows);
    this.showLines();
    this.showDifference();
  }

  kindName(kind) {
    const [rater, against] = [this.rater, this.against].map((name) => this.titleOf(name));
    return { [TOO_MUCH]: `only ${rater}`, [TOO_LITTLE]: `only ${against}`, [OTHER]: `other ${this.content.words.level}` }[kind];
  }

  titleOf(name) {
    const found = this.content.raters.find((one) => one.name === name);
    return found ? found.title : name;
  }

  areaTitle(name) {
    const found = this.areas.find((one) => one.name === name);
    return found ? found.title : name;
  }

  /* The slice with most error, or with most marked where nothing is compared; from 0. */
  worst() {
    const sums = new Array(this.exam.shape[2]).fill(0);
    const counts = this.counts ? [TOO_MUCH, TOO_LITTLE, OTHER].map((kind) => this.counts[kind]) : this.bar.rows.map((row) => row.counts);
    counts.forEach((of) => of.forEach((count, slice) => { sums[slice] += count; }));
    const most = Math.max(...sums);
    return most ? sums.indexOf(most) : Math.floor((sums.length - 1) / 2);
  }

  colorOf(level) { return this.scheme === 'safe' ? level.safe : level.color; }

  showLines() {
    const { exam, content, chosen } = this;
    const byValue = new Map(content.levels.map((level) => [level.index, level]));
    this.viewer.shown = content.raters
      .map((rater, place) => ({ rater, place }))
      .filter(({ rater }) => this.visible.has(rater.name) && exam.masks.has(rater.name))
      .map(({ rater, place }) => {
        const own = RATER_COLORS[place % RATER_COLORS.length];
        return {
          mask: exam.masks.get(rater.name),
          key: `${rater.name} ${this.area.name}`,
          chosen,
          dash: DASHES[place % DASHES.length],
          wide: rater.kind === 'reader' ? 1 : 1.25,
          color: (value) => (this.scheme === 'rater' ? own : this.colorOf(byValue.get(value))),
        };
      });
    this.content.raters.forEach((rater, place) => {
      const line = at(`line-${place}`);
      line.style.stroke = this.scheme === 'rater' ? RATER_COLORS[place % RATER_COLORS.length] : 'currentColor';
      line.closest('svg').classList.toggle('by-rater', this.scheme === 'rater');
    });
    at('levels').hidden = this.scheme === 'rater';
    at('levels').replaceChildren(...content.levels.map((level) => {
      const entry = made('li', {});
      const swatch = made('span', { className: 'swatch' });
      swatch.style.background = this.colorOf(level);
      entry.append(swatch, level.title);
      if (level.description) entry.title = level.description;
      entry.classList.toggle('off', !chosen[level.index]);
      return entry;
    }));
  }

  /* In words: how much the chosen rater has too much, too little, and of another level. */
  showDifference() {
    const { exam, counts } = this;
    const [rater, against] = [this.rater, this.against].map((name) => this.titleOf(name));
    const area = this.area === this.everything ? `All ${this.content.words.levels}` : this.area.title;
    let text;
    if (!exam.masks.has(this.rater)) text = `${rater} did not draw this exam.`;
    else if (!exam.masks.has(this.against)) text = `${against} did not draw this exam.`;
    else if (!counts) text = 'Choose another rater to compare.';
    else {
      const sum = (kind) => counts[kind].reduce((total, one) => total + one, 0);
      const wrong = [TOO_MUCH, TOO_LITTLE, OTHER].filter(sum);
      const ml = (voxels) => inMl(voxels * exam.voxel_ml);
      text = wrong.length
        ? `${area}: ${wrong.map((kind) => `${this.kindName(kind)} ${ml(sum(kind))}`).join(', ')}; the same ${ml(sum(SAME))}. Most on slice ${this.worst() + 1}.`
        : `${area}: ${sum(SAME) ? `no voxel differs (${ml(sum(SAME))})` : 'neither marks anything'}.`;
    }
    at('difference').textContent = text;
    at('own').textContent = this.flattered();
    this.content.differences.forEach((_, place) => {
      const name = at(`kind-${place}`);
      if (name) name.textContent = this.kindName(place + 1);
    });
  }

  /* Why the picture is better than the rater, if it is: the own masks, or those of who taught it, are in the other's. */
  flattered() {
    const [rater, against] = [this.rater, this.against].map((name) => this.titleOf(name));
    const makers = this.content.references[this.against] || [this.against];
    const one = this.content.raters.find(({ name }) => name === this.rater);
    const teachers = one ? one.taught_by.filter((name) => makers.includes(name)) : [];
    const but = this.content.fair ? ' The Dice in the table are fair.' : '';
    if (this.rater === this.against) return '';
    if (makers.includes(this.rater)) return `${rater} is one of those who made the ${against}, which flatters ${rater} here.${but}`;
    if (teachers.length && makers.length > 1) return `${rater} learned from masks of ${teachers.map((name) => this.titleOf(name)).join(', ')}, one of those who made the ${against}.`;
    return teachers.length ? `${rater} learned from masks of ${against}.` : '';
  }

  showRaters() {
    const { exam } = this;
    this.content.raters.forEach((rater, place) => {
      const there = exam.masks.has(rater.name);
      const shown = at(`show-${place}`);
      shown.disabled = !there;
      shown.checked = there && this.visible.has(rater.name);
      const compared = at(`compare-${place}`);
      if (compared) compared.checked = rater.name === this.rater;
      const row = at(`row-${place}`);
      row.classList.toggle('chosen', rater.name === this.rater);
      row.querySelectorAll('td[data-area]').forEach((cell) => {
        const found = (exam.dice[rater.name] || {})[cell.dataset.area];
        if (rater.kind === 'reference') return;
        cell.textContent = found === undefined || found === null ? '–' : found.toFixed(2);
        cell.title = found === null ? 'undefined: nothing marked, and nothing there' : '';
      });
    });
    at('against').value = this.against;
    at('area').value = this.area.name;
  }

  /* Foci of the chosen rater in the chosen area, what went wrong first. */
  get foci() {
    const wrong = ['missed', 'lower', 'false', 'found'];
    const height = new Map(this.content.levels.map(({ name }, place) => [name, place]));
    return this.exam.foci
      .filter((one) => one.rater === this.rater && (!this.area.name || one.level === this.area.name))
      .filter((one) => at('found').checked || one.outcome !== 'found')
      .sort((one, other) => wrong.indexOf(one.outcome) - wrong.indexOf(other.outcome)
        || (height.get(other.level) ?? 0) - (height.get(one.level) ?? 0) || other.ml - one.ml);
  }

  showFoci() {
    if (!this.content.foci) return;
    const { foci } = this;
    const every = this.exam.foci.filter((one) => one.rater === this.rater && (!this.area.name || one.level === this.area.name));
    const said = { found: 'found', lower: 'called lower', missed: 'missed', false: 'false' };
    const counts = Object.keys(said).map((outcome) => [outcome, every.filter((one) => one.outcome === outcome).length]);
    at('foci-said').textContent = every.length
      ? `${this.titleOf(this.rater)}: ${counts.filter(([, n]) => n).map(([outcome, n]) => `${n} ${said[outcome]}`).join(', ')}.`
      : `${this.titleOf(this.rater)}: none listed; they are of models and readers, against the yardstick.`;
    at('foci').replaceChildren(...foci.slice(0, 300).map((focus) => {
      const entry = made('li', {});
      const button = made('button', { type: 'button' });
      const outcome = made('b', { textContent: said[focus.outcome], className: focus.outcome });
      const there = focus.called === 'none' ? '' : focus.outcome === 'lower' ? ` (called ${this.areaTitle(focus.called)})` : ` (${this.areaTitle(focus.called)} there)`;
      button.append(outcome, ` ${this.areaTitle(focus.level)}, ${inMl(focus.ml)}, slice ${focus.slice}${['lower', 'false'].includes(focus.outcome) ? there : ''}`);
      button.addEventListener('click', () => this.goToFocus(focus));
      if (focus === this.focus) button.setAttribute('aria-current', 'true');
      entry.append(button);
      return entry;
    }));
    at('foci-more').textContent = foci.length > 300 ? `The largest 300 of ${foci.length} are listed.` : '';
  }

  goToFocus(focus) {
    this.focus = focus;
    // As wide as a ball of that volume, in pixels.
    const radius = Math.cbrt((3 * focus.ml * 1000) / (4 * Math.PI)) / Math.max(...this.exam.pixel_mm);
    this.viewer.mark = { slice: focus.slice - 1, centre: [focus.i, focus.j], radius };
    this.viewer.slice = focus.slice - 1;
    this.viewer.centreOn(focus.i, focus.j);
    for (const button of at('foci').querySelectorAll('button')) button.removeAttribute('aria-current');
    const place = this.foci.indexOf(focus);
    const button = at('foci').querySelectorAll('button')[place];
    if (button) {
      button.setAttribute('aria-current', 'true');
      button.scrollIntoView({ block: 'nearest' });
    }
  }

  stepFocus(by) {
    const { foci } = this;
    if (!foci.length) return;
    const place = foci.indexOf(this.focus);
    this.goToFocus(foci[(place + by + (place < 0 && by < 0 ? 1 : 0) + foci.length) % foci.length]);
  }

  step(by) {
    const name = this.content.exams[this.content.exams.indexOf(this.name) + by];
    if (name) this.open(name);
  }

  stepRater(by) {
    const others = this.content.raters.filter(({ name }) => name !== this.against && this.exam.masks.has(name));
    const place = others.findIndex(({ name }) => name === this.rater);
    if (!others.length) return;
    this.choose(others[(place + by + others.length) % others.length].name);
    this.changed();
  }

  changed() {
    if (!this.exam || this.shownName !== this.name) return;
    this.viewer.mark = null;
    this.focus = null;
    this.showRaters();
    this.compare();
    this.showFoci();
    this.viewer.changed();
  }

  showDisplay() {
    const { viewer } = this;
    if (!viewer.image) return;
    at('slice').textContent = `Slice ${viewer.slice + 1} of ${viewer.slices}`;
    at('canvas').setAttribute('aria-label', `${viewer.name}, slice ${viewer.slice + 1} of ${viewer.slices}`);
    at('grey').textContent = viewer.windowed ? `C ${words3((viewer.low + viewer.high) / 2)}  W ${words3(viewer.high - viewer.low)}` : 'no image';
    at('lines').setAttribute('aria-pressed', viewer.linesShown);
    at('filled').setAttribute('aria-pressed', viewer.filled);
    at('opacity').value = Math.round(viewer.opacity * 100);
    at('colors').value = this.scheme;
    for (const button of at('windows').children) {
      button.disabled = !viewer.windowed;
      button.setAttribute('aria-pressed', viewer.windowed && button.dataset.window === viewer.windowName);
    }
    this.bar.at(viewer.slice);
    const asked = new URLSearchParams({ exam: viewer.name, slice: viewer.slice + 1 });
    if (this.rater) asked.set('rater', this.rater);
    if (this.area.name) asked.set('level', this.area.name);
    clearTimeout(this.noting);
    // Browsers refuse an address that changes with every slice of a fast scroll; one that was asked for meanwhile stays.
    const before = window.location.hash;
    this.noting = setTimeout(() => {
      if (window.location.hash === before) window.history.replaceState(null, '', `#${asked}`);
    }, 200);
  }

  build() {
    const { content } = this;
    content.windows.forEach((name, place) => {
      const button = made('button', { type: 'button', textContent: name, title: place + 1 });
      button.dataset.window = name;
      button.addEventListener('click', () => this.viewer.useWindow(name));
      at('windows').append(button);
    });
    at('side-left').textContent = content.sides[0];
    at('side-right').textContent = content.sides[1];
    at('exam').append(...content.exams.map((name) => new Option(name, name)));
    at('area').append(...this.areas.map(({ name, title }) => new Option(title, name)));
    at('against').append(...content.raters.map(({ name, title }) => new Option(title, name)));
    content.raters.forEach((rater, place) => {
      at(`line-${place}`).setAttribute('stroke-dasharray', DASHES[place % DASHES.length].join(' '));
      at(`show-${place}`).addEventListener('change', (event) => this.show(rater.name, event.target.checked));
      at(`compare-${place}`).addEventListener('change', () => { this.choose(rater.name); this.changed(); });
    });
  }

  show(name, shown) {
    if (shown) this.visible.add(name);
    else this.visible.delete(name);
    // From now on it is the reader who says what is shown.
    this.kept = true;
    this.showRaters();
    this.showLines();
    this.viewer.changed();
  }

  useScheme(scheme) {
    this.scheme = scheme;
    this.compare();
    this.viewer.changed();
  }

  listen() {
    const { viewer } = this;
    at('exam').addEventListener('change', () => this.open(at('exam').value));
    at('previous').addEventListener('click', () => this.step(-1));
    at('next').addEventListener('click', () => this.step(1));
    at('area').addEventListener('change', () => {
      this.area = this.areas.find(({ name }) => name === at('area').value);
      this.changed();
    });
    at('against').addEventListener('change', () => { this.against = at('against').value; this.visible.add(this.against); this.changed(); });
    at('lines').addEventListener('click', () => viewer.set({ linesShown: !viewer.linesShown }));
    at('filled').addEventListener('click', () => viewer.set({ filled: !viewer.filled }));
    at('opacity').addEventListener('input', () => viewer.set({ opacity: at('opacity').valueAsNumber / 100 }));
    at('colors').addEventListener('change', () => this.useScheme(at('colors').value));
    at('worst').addEventListener('click', () => viewer.goTo(this.worst()));
    if (this.content.foci) at('found').addEventListener('change', () => this.showFoci());
    at('help-open').addEventListener('click', () => at('help').showModal());
    at('help-close').addEventListener('click', () => at('help').close());
    document.addEventListener('keydown', (event) => this.key(event));
    window.addEventListener('hashchange', () => this.follow());
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const { target } = event;
    const { viewer } = this;
    // Choices keep the keys that they know themselves.
    if (target.matches('select, input[type=range]') && !['?', 'Escape'].includes(event.key)) return;
    const own = target.matches('input[type=radio]') && event.key.startsWith('Arrow');
    const scrolls = target.closest('.scroll, #foci') && (event.key.startsWith('Arrow') || event.key.startsWith('Page') || ['Home', 'End'].includes(event.key));
    if (own || scrolls) return;
    const moves = {
      ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1, PageUp: -5, PageDown: 5, Home: -1e6, End: 1e6, ',': -1, '.': 1,
    };
    const keys = {
      m: () => viewer.set({ linesShown: !viewer.linesShown }),
      e: () => viewer.set({ filled: !viewer.filled }),
      '[': () => viewer.set({ opacity: Math.max(viewer.opacity - 0.1, 0) }),
      ']': () => viewer.set({ opacity: Math.min(viewer.opacity + 0.1, 1) }),
      c: () => this.useScheme(SCHEMES[(SCHEMES.indexOf(this.scheme) + 1) % SCHEMES.length]),
      l: () => { this.area = this.areas[(this.areas.indexOf(this.area) + 1) % this.areas.length]; this.changed(); },
      r: () => this.stepRater(event.shiftKey ? -1 : 1),
      f: () => this.stepFocus(event.shiftKey ? -1 : 1),
      x: () => viewer.goTo(this.worst()),
      a: () => viewer.turn(-0.05, 0),
      d: () => viewer.turn(0.05, 0),
      w: () => viewer.turn(0, -0.05),
      s: () => viewer.turn(0, 0.05),
      '+': () => viewer.magnify(ZOOM_STEP),
      '-': () => viewer.magnify(1 / ZOOM_STEP),
      0: () => viewer.reset(),
      n: () => this.step(1),
      p: () => this.step(-1),
      '?': () => at('help').showModal(),
    };
    this.content.windows.forEach((name, place) => { keys[place + 1] = () => viewer.useWindow(name); });
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.key in moves) viewer.go(moves[event.key]);
    else if (key in keys && (viewer.image || 'np?'.includes(key))) keys[key]();
    else return;
    event.preventDefault();
  }
}

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

/* Three digits, without an exponent. */
function words3(value) {
  const rounded = Number(value.toPrecision(3));
  return String(Math.abs(rounded) >= 1000 ? Math.round(value) : rounded);
}

function inMl(value) {
  const digits = value >= 10 ? 1 : value >= 0.1 ? 2 : 3;
  return `${value.toFixed(digits)} ml`;
}

if (typeof DecompressionStream === 'function') {
  new Exams(JSON.parse(at('content').textContent)).follow();
} else {
  at('said').textContent = 'This browser is too old for the page: take one of 2023 or newer.';
  at('said').hidden = false;
}
