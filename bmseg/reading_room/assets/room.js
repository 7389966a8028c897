/* The page: masks one after another, scores beside them. */

const at = (id) => document.getElementById(id);

class Room {
  constructor(content) {
    this.content = content;
    this.place = 0;
    this.opened = new Map();
    this.writing = 0; // to the browser's store, begun and not ended
    this.failed = null; // why something given is not in it
    this.viewer = new Viewer(content, at('stage'), at('canvas'));
    this.viewer.onchange = () => this.showDisplay();
    this.bar = new SliceBar(at('slices'), (slice) => this.viewer.goTo(slice));
    this.rulers = content.items.map((item) => {
      const level = content.levels.find((one) => one.name === item);
      const ruler = new Ruler(item, level, content.anchors, content.scale);
      ruler.onchange = (score) => this.give(item, score);
      at('rulers').append(ruler.element);
      return ruler;
    });
    this.buildMasks();
    this.buildDisplay();
    this.listen();
    at('build').textContent = content.build.slice(0, 12);
  }

  async start() {
    this.store = await Store.open(this.content.build);
    at('unkept').hidden = Boolean(this.store);
    const sessions = this.store ? await this.store.sessions() : [];
    this.kept = new Map(sessions.map((one) => {
      return [one.reader, new Session(this.content, one.reader, one.reading, one.answers)];
    }));
    const buttons = [...this.kept.values()].map((session) => {
      const text = `Go on as ${session.reader} (${session.done} of ${this.content.masks.length} scored)`;
      const button = made('button', { type: 'button', textContent: text });
      button.addEventListener('click', () => {
        this.said('Kept in this browser');
        this.use(session);
      });
      return button;
    });
    at('sessions').replaceChildren(...buttons);
    at('start').showModal();
    (buttons[0] || at('reader')).focus();
    // What most readers open first is ready when they begin.
    this.load(0).catch(() => {});
  }

  use(session) {
    this.session = session;
    at('start').close();
    const how = session.reading === 'together' ? 'scoring together' : 'scoring alone';
    at('who').textContent = `${session.reader}, ${how}`;
    const [first] = session.missing();
    this.show(first ? first[0] - 1 : 0);
    this.rulers[0].input.focus({ preventScroll: true });
  }

  async begin() {
    const reader = at('reader').value.trim();
    const chosen = document.querySelector('input[name=reading]:checked');
    if (!Session.isCode(reader)) return this.refuse('Write initials or a code: letters, digits and . _ + -', 'reader');
    if (!chosen) return this.refuse('Say whether you score alone or together.');
    if (this.kept.has(reader)) {
      return this.refuse(`Scores of ${reader} are kept here already: go on with them above, or take another code.`, 'reader');
    }
    const session = new Session(this.content, reader, chosen.value);
    await this.keep(() => this.store.begin(session));
    return this.use(session);
  }

  refuse(text, field) {
    at('start-fault').textContent = text;
    if (field) at(field).focus();
  }

  /* Take up a saved file; what is kept of that reader stays unless it is given up by hand. */
  async takeFile(file) {
    let session;
    try {
      session = Session.read(this.content, await file.text());
      if (!Session.isCode(session.reader) || !['alone', 'together'].includes(session.reading)) {
        throw new Error('The file was changed by hand: it does not say who scored, and how.');
      }
    } catch (error) {
      this.refuse(error.message);
      return;
    }
    const kept = this.kept.get(session.reader);
    if (kept && kept.answers.size && !(await this.asked(kept, session))) return;
    if (this.store) {
      await this.keep(async () => {
        await this.store.forget(session.reader);
        await this.keepAll(session);
      });
    }
    this.use(session);
  }

  asked(kept, session) {
    at('ask-text').textContent = `This browser keeps ${kept.done} scored masks of ${kept.reader}; the file has ${session.done}.`;
    at('ask').showModal();
    return new Promise((resolve) => {
      const answer = (value) => () => { at('ask').close(); resolve(value); };
      at('ask-yes').onclick = answer(true);
      at('ask-no').onclick = answer(false);
      at('ask').oncancel = () => resolve(false);
    });
  }

  async load(place) {
    const number = this.content.masks[place].image;
    const key = `image-${number}`;
    if (!this.opened.has(key)) {
      // A few exams at a time: a page of a hundred would fill the memory.
      if (this.opened.size > 6) this.opened.delete(this.opened.keys().next().value);
      this.opened.set(key, unpackedImage(at(key).textContent));
    }
    const [values, mask] = await Promise.all([this.opened.get(key), unpacked(at(`mask-${place}`).textContent)]);
    return { image: { facts: this.content.images[number], values }, mask };
  }

  async show(place) {
    this.place = place;
    const count = this.content.masks.length;
    const answer = this.session.answer(place + 1);
    at('title').textContent = `Mask ${place + 1} of ${count}`;
    at('previous').disabled = place === 0;
    at('next').disabled = place === count - 1;
    at('comment').value = answer.comment;
    this.rulers.forEach((ruler) => ruler.set(answer.scores[ruler.item] ?? null));
    this.showProgress();
    this.viewer.close();
    this.bar.clear();
    this.loading('Opening …');
    let opened;
    try {
      opened = await this.load(place);
    } catch (error) {
      this.loading(`This mask cannot be opened (${error.name}): the file is damaged. Get a new copy of it.`);
      return;
    }
    if (this.place !== place) return;
    this.loading('');
    const { image, mask } = opened;
    this.showBar(image, mask);
    this.viewer.openMask(image, mask, `Mask ${place + 1}`);
    document.body.dataset.shown = place + 1;
    if (place + 1 < count) setTimeout(() => this.load(place + 1).catch(() => {}), 50);
  }

  /* Where the mask has voxels of which level: what one sees by turning the slices, and no more. */
  showBar(image, mask) {
    const { levels } = this.content;
    const [width, height, slices] = image.facts.shape;
    const counts = countsBySlice(mask, width * height, slices, levels.map(({ value }) => value));
    this.bar.show(slices, levels.map((level) => {
      return { name: level.title || level.name, color: level[this.viewer.scheme], counts: counts.get(level.value) };
    }));
    this.barScheme = this.viewer.scheme;
  }

  /* What an item is shown as. */
  called(item) {
    return item === 'overall' ? item : this.rulers.find((ruler) => ruler.item === item).name;
  }

  loading(text) {
    at('loading').textContent = text;
    at('loading').hidden = !text;
  }

  step(by) {
    const place = this.place + by;
    if (place < 0 || place >= this.content.masks.length) return;
    this.show(place);
    at('panel').scrollTop = 0;
    this.rulers[0].input.focus({ preventScroll: true });
  }

  give(item, score) {
    this.session.give(this.place + 1, item, score);
    this.keepAnswer();
  }

  keepAnswer() {
    const { session } = this;
    const mask = this.place + 1;
    const answer = session.answer(mask);
    this.showProgress();
    // What an earlier write left out comes with the next.
    return this.keep(() => (this.failed ? this.keepAll(session) : this.store.keep(session.reader, mask, answer)));
  }

  async keepAll(session) {
    await this.store.begin(session);
    for (const [mask, answer] of session.answers) await this.store.keep(session.reader, mask, answer);
    this.failed = null;
  }

  /* Write to the browser's store, and say whether it is there: "kept" is said of all that was given, never of a part. */
  async keep(write) {
    this.unsaved = true;
    if (!this.store) {
      this.said('Not kept by this browser: save a copy', true);
      return;
    }
    this.writing += 1;
    if (!this.failed) this.said('Keeping …');
    try {
      await write();
    } catch (error) {
      this.failed = error ? error.name : 'unknown';
    }
    this.writing -= 1;
    if (this.failed) {
      this.said(`Not kept (${this.failed}): save a copy now`, true);
    } else if (!this.writing) {
      this.unsaved = false;
      this.said(`Kept in this browser, ${new Date().toLocaleTimeString([], { hour12: false })}`);
    }
  }

  said(text, bad = false) {
    at('kept').textContent = text;
    at('kept').classList.toggle('bad', bad);
  }

  showProgress() {
    const { session } = this;
    at('progress').textContent = `${session.done} of ${this.content.masks.length} scored`;
    [...at('masks').children].forEach((button, place) => {
      const lacking = session.lacks(place + 1).length;
      const given = this.content.items.length - lacking;
      button.className = lacking === 0 ? 'done' : given ? 'begun' : '';
      button.setAttribute('aria-label', `Mask ${place + 1}, ${given} of ${this.content.items.length} scored`);
      // All numbers are one stop of the Tab key: the shown mask's, or the one that arrows came to.
      const focused = document.activeElement && document.activeElement.parentElement === at('masks');
      button.tabIndex = (focused ? button === document.activeElement : place === this.place) ? 0 : -1;
      if (place === this.place) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    });
  }

  showDisplay() {
    const { viewer } = this;
    if (!viewer.image) return;
    at('slice').textContent = `Slice ${viewer.slice + 1} of ${viewer.slices}`;
    at('canvas').setAttribute('aria-label', `${viewer.name}, slice ${viewer.slice + 1} of ${viewer.slices}`);
    const level = (viewer.low + viewer.high) / 2;
    at('grey').textContent = `C ${round3(level)}  W ${round3(viewer.high - viewer.low)}`;
    at('mask-shown').setAttribute('aria-pressed', viewer.maskShown);
    at('opacity').value = Math.round(viewer.opacity * 100);
    at('colors').value = viewer.scheme;
    for (const button of at('windows').children) {
      button.setAttribute('aria-pressed', button.dataset.window === viewer.windowName);
    }
    if (this.barScheme && this.barScheme !== viewer.scheme) this.showBar(viewer.image, viewer.mask);
    this.bar.at(viewer.slice);
    this.content.levels.forEach((one, place) => {
      at('levels').children[place].firstChild.style.background = one[viewer.scheme];
      this.rulers[place].swatch.style.background = one[viewer.scheme];
    });
  }

  buildMasks() {
    this.content.masks.forEach((_, place) => {
      const button = made('button', { type: 'button', textContent: place + 1 });
      button.addEventListener('click', () => this.show(place));
      at('masks').append(button);
    });
    at('masks').addEventListener('keydown', (event) => {
      const buttons = [...at('masks').children];
      const place = buttons.indexOf(event.target);
      // How many stand in a row is the browser's to say.
      const row = buttons.filter(({ offsetTop }) => offsetTop === buttons[0].offsetTop).length;
      const to = {
        ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - row, ArrowDown: place + row, Home: 0, End: buttons.length - 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      if (!buttons[to]) return;
      buttons[place].tabIndex = -1;
      buttons[to].tabIndex = 0;
      buttons[to].focus();
    });
    at('masks').addEventListener('focusout', () => {
      [...at('masks').children].forEach((button, place) => { button.tabIndex = place === this.place ? 0 : -1; });
    });
  }

  buildDisplay() {
    this.content.images[0].windows.forEach(({ name }, place) => {
      const button = made('button', { type: 'button', textContent: name, title: place + 1 });
      button.dataset.window = name;
      button.addEventListener('click', () => this.viewer.useWindow(name));
      at('windows').append(button);
    });
    this.content.levels.forEach(({ name }) => {
      const entry = made('li', {});
      entry.append(made('span', { className: 'swatch' }), name);
      at('levels').append(entry);
    });
    at('side-left').textContent = this.content.sides[0];
    at('side-right').textContent = this.content.sides[1];
  }

  listen() {
    const { viewer } = this;
    at('begin').addEventListener('click', (event) => { event.preventDefault(); this.begin(); });
    at('start').addEventListener('cancel', (event) => event.preventDefault());
    at('load').addEventListener('change', async () => {
      const [file] = at('load').files;
      at('load').value = '';
      await this.ready; // what is kept here is known
      if (file) await this.takeFile(file);
    });
    at('previous').addEventListener('click', () => this.step(-1));
    at('next').addEventListener('click', () => this.step(1));
    at('comment').addEventListener('input', () => {
      this.session.say(this.place + 1, at('comment').value);
      this.keepAnswer();
    });
    at('centimetres').addEventListener('change', () => {
      document.body.classList.toggle('centimetres', at('centimetres').checked);
    });
    at('mask-shown').addEventListener('click', () => viewer.set({ maskShown: !viewer.maskShown }));
    at('opacity').addEventListener('input', () => viewer.set({ opacity: at('opacity').valueAsNumber / 100 }));
    at('colors').addEventListener('change', () => viewer.set({ scheme: at('colors').value }));
    at('copy').addEventListener('click', () => this.save(this.session.missing().length === 0));
    at('finish').addEventListener('click', () => this.finish());
    at('finished-close').addEventListener('click', () => at('finished').close());
    at('finished-save').addEventListener('click', () => { this.save(true); at('finished').close(); });
    at('help-open').addEventListener('click', () => at('help').showModal());
    at('help-close').addEventListener('click', () => at('help').close());
    document.addEventListener('keydown', (event) => this.key(event));
    window.addEventListener('beforeunload', (event) => { if (this.unsaved) event.preventDefault(); });
  }

  key(event) {
    if (!this.session || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const { target } = event;
    if (target.matches('textarea, input:not([type=range]):not([type=checkbox])')) return;
    const { viewer } = this;
    const onStage = [document.body, viewer.stage, at('slices')].includes(target);
    // On a line left and right are the marker's; up and down turn slices there too, and set no score by mistake.
    const turns = ['ArrowUp', 'ArrowDown'].includes(event.key) && target.matches('.ruler input');
    const moves = {
      ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1, PageUp: -5, PageDown: 5, Home: -1e6, End: 1e6,
    };
    const { windows } = this.content.images[0];
    const keys = {
      ',': () => viewer.go(-1),
      '.': () => viewer.go(1),
      m: () => viewer.set({ maskShown: !viewer.maskShown }),
      '[': () => viewer.set({ opacity: Math.max(viewer.opacity - 0.1, 0) }),
      ']': () => viewer.set({ opacity: Math.min(viewer.opacity + 0.1, 1) }),
      c: () => viewer.set({ scheme: viewer.scheme === 'color' ? 'safe' : 'color' }),
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
    windows.forEach(({ name }, place) => { keys[place + 1] = () => viewer.useWindow(name); });
    if ((onStage && event.key in moves) || turns) viewer.go(moves[event.key]);
    else if (event.key.toLowerCase() in keys && !target.matches('select')) {
      if (viewer.image || 'np?'.includes(event.key.toLowerCase())) keys[event.key.toLowerCase()]();
    } else return;
    event.preventDefault();
  }

  finish() {
    const missing = this.session.missing();
    const count = this.content.masks.length;
    at('finished-title').textContent = missing.length ? 'Not finished yet' : 'Finished';
    const scores = missing.reduce((sum, [, items]) => sum + items.length, 0);
    at('finished-text').textContent = missing.length
      ? `${scores} ${scores === 1 ? 'score is' : 'scores are'} missing, in ${missing.length} of ${count} masks:`
      : `All ${count} masks are scored. Save the file and hand it in.`;
    at('missing').replaceChildren(...missing.map(([mask, items]) => {
      const button = made('button', { type: 'button', textContent: `Mask ${mask}: ${items.map((item) => this.called(item)).join(', ')}` });
      button.addEventListener('click', () => {
        at('finished').close();
        this.show(mask - 1);
      });
      const entry = made('li', {});
      entry.append(button);
      return entry;
    }));
    at('finished-save').hidden = missing.length > 0;
    at('finished').showModal();
  }

  save(complete) {
    const { reader } = this.session;
    const text = this.session.text(complete);
    const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    const name = `scores_${reader}_${this.content.build.slice(0, 8)}${complete ? '' : '_unfinished'}.json`;
    const link = made('a', { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    this.unsaved = false;
    this.said(`Saved as ${name}`);
  }
}

function round3(value) {
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1000 ? Math.round(value) : rounded;
}

if (typeof DecompressionStream === 'function' && typeof at('start').showModal === 'function') {
  const room = new Room(JSON.parse(at('content').textContent));
  room.ready = room.start();
} else {
  at('kept').textContent = 'This browser is too old for the page: take one of 2023 or newer.';
}
