globalThis.parlorLanguage={"forms":["one","other"],"words":{}};
