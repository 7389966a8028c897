/* Answers in the browser: one record a page, reader and mask, on the disk before it is called kept. */

const STORE = 'answers';

class Store {
  constructor(database, build) {
    this.database = database;
    this.build = build;
  }

  /* null where the browser keeps nothing, as some do for pages from disk. */
  static open(build) {
    return new Promise((resolve) => {
      try {
        const request = indexedDB.open('bmseg-reading-room', 1);
        request.onupgradeneeded = () => request.result.createObjectStore(STORE);
        request.onsuccess = () => resolve(new Store(request.result, build));
        request.onerror = () => resolve(null);
        request.onblocked = () => resolve(null);
      } catch {
        resolve(null);
      }
    });
  }

  /* Every session of this page: {reader, reading, answers}, answers by mask. */
  async sessions() {
    const range = IDBKeyRange.bound([this.build], [this.build, []]);
    const records = await this.done('readonly', (store) => store.getAll(range));
    const found = new Map();
    for (const record of records) {
      if (!found.has(record.reader)) found.set(record.reader, { reader: record.reader, answers: new Map() });
      const session = found.get(record.reader);
      if (record.mask === 0) session.reading = record.reading;
      else session.answers.set(record.mask, { scores: record.scores, comment: record.comment });
    }
    return [...found.values()].filter((session) => session.reading);
  }

  begin({ reader, reading }) {
    return this.put({ reader, mask: 0, reading });
  }

  keep(reader, mask, answer) {
    return this.put({ reader, mask, ...answer });
  }

  /* Forget what a reader gave, before a file takes its place. */
  forget(reader) {
    const range = IDBKeyRange.bound([this.build, reader], [this.build, reader, []]);
    return this.done('readwrite', (store) => store.delete(range));
  }

  put(record) {
    return this.done('readwrite', (store) => store.put(record, [this.build, record.reader, record.mask]));
  }

  done(mode, ask) {
    return new Promise((resolve, reject) => {
      // Strict: a crash of the browser or the machine a moment later loses nothing.
      const transaction = this.database.transaction(STORE, mode, { durability: 'strict' });
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}
