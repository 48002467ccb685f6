// Files that wait to be sent, in the browser's database: a reload or a crash of the page loses none. Where the browser lets a
// page store nothing, or has no space left, they are in memory.

const NAME = "parlor-files";
const STORE = "files";
const FIELDS = { key: "string", room: "string", tab: "string", name: "string", size: "number", at: "number" };

export class BlobStore {
  /** volatile(): called once, as soon as a file is in memory only. */
  constructor({ volatile = () => {}, factory = database() } = {}) {
    Object.assign(this, { volatile, factory, memory: new Map() });
    this.opening = null;
  }

  /** record: {key, blob, room, tab, name, type, size, at, ...}. Stored means that it can be read back. */
  async put(record) {
    const isStored = await this.attempt("readwrite", (store) => store.put(record));
    if (isStored !== null) {
      this.memory.delete(record.key);
      return;
    }
    this.memory.set(record.key, record);
    this.volatile();
    this.volatile = () => {};
  }

  async get(key) {
    return this.memory.get(key) ?? checked(await this.attempt("readonly", (store) => store.get(key)));
  }

  async all() {
    const stored = (await this.attempt("readonly", (store) => store.getAll())) ?? [];
    return [...this.memory.values(), ...stored.map(checked).filter(Boolean)];
  }

  async remove(key) {
    this.memory.delete(key);
    await this.attempt("readwrite", (store) => store.delete(key));
  }

  /** The request's result; null where it could not be done. */
  async attempt(mode, ask) {
    try {
      this.opening ??= open(this.factory);
      const db = await this.opening;
      return await new Promise((done, fail) => {
        const transaction = db.transaction(STORE, mode);
        const request = ask(transaction.objectStore(STORE));
        transaction.oncomplete = () => done(request.result ?? undefined);
        transaction.onabort = transaction.onerror = () => fail(transaction.error);
      });
    } catch {
      this.opening = null;
      return null;
    }
  }
}

function database() {
  try {
    return globalThis.indexedDB ?? null;
  } catch {
    return null;
  }
}

function open(factory) {
  return new Promise((done, fail) => {
    const request = factory.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      done(request.result);
    };
    request.onerror = request.onblocked = () => fail(request.error);
  });
}

/** A crash, or another version of the page, may have left anything there. */
function checked(record) {
  const isWhole = record?.blob instanceof Blob && Object.entries(FIELDS).every(([name, type]) => typeof record[name] === type);
  return isWhole ? record : null;
}
