// The browser's storage in a Map, for the tests.

export class MemoryStorage extends Map {
  get(key) {
    return super.get(key) ?? null;
  }

  remove(key) {
    this.delete(key);
  }

  keys(start) {
    return [...super.keys()].filter((key) => key.startsWith(start));
  }
}
