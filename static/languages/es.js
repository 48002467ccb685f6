globalThis.parlorLanguage={"forms":["one","many","other"],"words":{}};
