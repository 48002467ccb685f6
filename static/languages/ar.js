globalThis.parlorLanguage={"forms":["zero","one","two","few","many","other"],"words":{}};
