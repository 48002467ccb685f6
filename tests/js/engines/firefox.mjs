// Firefox at the hand of a Python test: one JSON line in, one out. puppeteer-core speaks WebDriver BiDi with it.
//
// {"goto": url}, {"reload": true}, {"evaluate": expression}, {"type": [selector, text]} -> {"value": ...} or {"error": text}

import { createInterface } from "node:readline";

import puppeteer from "puppeteer-core";

const { stdin, stdout, argv } = process;
const preferences = Object.fromEntries(argv.slice(3).map((pair) => pair.split("=")).map(([name, value]) => [name, JSON.parse(value)]));
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: argv[2],
  headless: true,
  extraPrefsFirefox: preferences,
});
const page = await browser.newPage();
const DONE = {
  goto: (url) => page.goto(url, { waitUntil: "domcontentloaded" }).then(() => null),
  reload: () => page.reload({ waitUntil: "domcontentloaded" }).then(() => null),
  evaluate: (expression) => page.evaluate(expression),
  type: async ([selector, text]) => {
    await page.focus(selector);
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
    return null;
  },
};

tell({ value: await browser.version() });
for await (const line of createInterface({ input: stdin })) tell(await answer(JSON.parse(line)));
await browser.close();

async function answer(command) {
  const [[verb, value]] = Object.entries(command);
  try {
    return { value: (await DONE[verb](value)) ?? null };
  } catch (error) {
    return { error: String(error) };
  }
}

function tell(said) {
  stdout.write(`${JSON.stringify(said)}\n`);
}
