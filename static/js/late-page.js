// What of the page is loaded later: the elements of the dialogs (templates/dialogs.html) and their style sheet. The page names
// both addresses in its data-later. (As a document, for a page may make no elements of text.) And what the scripts that are
// loaded later say in another language than English: its data-later-words, and with the dialogs its data-wanted-words; the style
// of what they draw: data-later-style.

import { once } from "./once.js";

let later = null;
const styles = new Map();

/** Promise that both are there. */
export const loadPage = once(async () => {
  const [page, ...sheets] = document.body.dataset.later.split(" ");
  [later] = await Promise.all([fetched(page), ...sheets.map(styled)]);
});

/** An element of it, as a part of this page. */
export function elementOf(id) {
  return document.importNode(later.getElementById(id), true);
}

const loadWords = once(() => said("laterWords"));
const loadWantedWords = once(() => Promise.all([loadWords(), said("wantedWords")]));

/** name: of the page's data in which the address is; empty where the page is in English. */
async function said(name) {
  const address = document.body.dataset[name];
  if (address) await import(address);
}

/** Promise of the module that load() imports. Its words come before it: some are said when it begins. */
export function withWords(load) {
  return loadWords().then(load);
}

/** The same, as soon as the style of what comes after the first words is there too. */
export function withStyle(load) {
  return Promise.all([withWords(load), styled(document.body.dataset.laterStyle)]).then(([module]) => module);
}

/** The same for what is wanted seldom: its words come with those of the dialogs. */
export function withWantedWords(load) {
  return loadWantedWords().then(load);
}

/** The same, as soon as the page's part is there too. */
export function withPage(load) {
  return Promise.all([withWantedWords(load), loadPage()]).then(([module]) => module);
}

/** Promise that the style sheet is there. */
export function styled(url) {
  if (!styles.has(url)) styles.set(url, once(() => linked(url)));
  return styles.get(url)();
}

function linked(url) {
  return new Promise((done, failed) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: url, onload: done });
    link.onerror = () => {
      link.remove();
      failed(new Error(url));
    };
    document.head.append(link);
  });
}

function fetched(url) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onload = () => (request.status === 200 && isOurs(request.response) ? done(request.response) : failed(new Error(url)));
    request.onerror = () => failed(new Error(url));
    request.send();
  });
}

/** Not the page of a hotel's network, which answers for everybody until one has signed in there. */
function isOurs(found) {
  return found?.body?.dataset.page === "dialogs";
}
