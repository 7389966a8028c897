/* What one reader, or readers together, say of the masks; as it is in the file that they hand in. */

const KIND = 'bmseg reading room scores';

class Session {
  constructor(content, reader, reading, answers = new Map()) {
    this.content = content;
    this.reader = reader;
    this.reading = reading;
    this.answers = answers;
  }

  answer(mask) {
    return this.answers.get(mask) || { scores: {}, comment: '' };
  }

  give(mask, item, score) {
    const { scores, comment } = this.answer(mask);
    this.answers.set(mask, { scores: { ...scores, [item]: score }, comment });
  }

  say(mask, comment) {
    this.answers.set(mask, { scores: this.answer(mask).scores, comment });
  }

  /* Items of a mask that have no score. */
  lacks(mask) {
    const { scores } = this.answer(mask);
    return this.content.items.filter((item) => (scores[item] ?? null) === null);
  }

  /* [mask, items] of every mask that is not scored to the end. */
  missing() {
    return this.content.masks
      .map((_, place) => [place + 1, this.lacks(place + 1)])
      .filter(([, items]) => items.length);
  }

  get done() { return this.content.masks.length - this.missing().length; }

  text(complete) {
    const answers = [...this.answers].sort(([one], [other]) => one - other)
      .map(([mask, { scores, comment }]) => ({ mask, scores, comment }));
    const { build } = this.content;
    const { reader, reading } = this;
    const file = { kind: KIND, build, reader, reading, complete, saved: new Date().toISOString(), answers };
    return `${JSON.stringify(file, null, 1)}\n`;
  }

  /* A session of a file's text; throws an Error that says what is wrong with it. */
  static read(content, text) {
    let file;
    try {
      file = JSON.parse(text);
    } catch {
      throw new Error('The file is no file of scores: it cannot be read as one.');
    }
    if (!file || file.kind !== KIND) throw new Error('The file is no file of scores of a reading room.');
    if (file.build !== content.build) throw new Error('The file belongs to another page: its masks are others.');
    const answers = new Map();
    if (!Array.isArray(file.answers)) throw new Error('The file was changed by hand: it has no answers.');
    for (const { mask, scores, comment } of file.answers) {
      const known = Object.entries(scores || {}).every(([item, score]) => content.items.includes(item)
        && (score === null || (typeof score === 'number' && score >= 0 && score <= content.scale)));
      if (!known || !Number.isInteger(mask) || mask < 1 || mask > content.masks.length) {
        throw new Error(`The file was changed by hand: mask ${mask} has scores that this page does not give.`);
      }
      answers.set(mask, { scores: scores || {}, comment: String(comment || '') });
    }
    return new Session(content, file.reader, file.reading, answers);
  }

  static isCode(reader) {
    return /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$/.test(reader);
  }
}
