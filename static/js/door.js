// The doorway, before the chat itself is loaded: that begins when somebody begins to enter, so that whoever only looks at a
// link loads little. What is sent off before the chat is there is kept, and done then. (Nothing is imported here.)

const { dataset } = document.body;
const form = document.getElementById("door");
const box = document.getElementById("nickname");
const offered = document.querySelector("#door-offer button");
const languages = document.getElementById("languages");
const slow = document.getElementById("door-slow");
const SLOW_MS = 1_500;
const BEGINNINGS = ["pointerdown", "keydown", "input"];
let parts = null;
let timer;
let pressed = null; // of the languages

for (const name of BEGINNINGS) document.addEventListener(name, load, { capture: true, passive: true });
offered.addEventListener("click", offer);
form.addEventListener("submit", submit);
languages.addEventListener("click", choose);
if (box.value || !isUsual()) load();

/** Once: its files all at the same time, the chat's own first. */
function load() {
  if (parts) return;
  for (const name of BEGINNINGS) document.removeEventListener(name, load, { capture: true });
  const { words } = dataset; // what the chat says in another language than English, which has to be there before it
  parts = dataset.parts.split(" ");
  for (const href of words ? [...parts, words] : parts) document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
  (words ? import(words) : Promise.resolve()).then(() => import(parts[0])).then(give, goWithout);
}

/** From now on the form is the chat's. */
function give() {
  clearTimeout(timer);
  form.removeEventListener("submit", submit);
  offered.removeEventListener("click", offer);
  languages.removeEventListener("click", choose);
  pressed?.click();
}

/** As without a script: the page comes anew. */
function goWithout() {
  languages.removeEventListener("click", choose);
  if (dataset.submitted) form.submit();
  else pressed?.click();
}

function offer() {
  box.value = offered.value;
}

/** The chat's script keeps what is typed; where nothing is, the server alone does it. */
function choose(event) {
  const button = event.target.closest("button");
  if (!button || !box.value) return;
  event.preventDefault();
  pressed = button;
  load();
}

function submit(event) {
  event.preventDefault();
  dataset.submitted = "yes";
  timer = setTimeout(() => (slow.hidden = false), SLOW_MS);
  load();
}

/** A first visit with a browser that stores things. Whoever was here before, and has lost the cookie that says so, goes in. */
function isUsual() {
  try {
    return navigator.cookieEnabled && [localStorage, sessionStorage].every((storage) => storage.getItem("parlor:nickname") === null) && sessionStorage.getItem("parlor:typed") === null && !location.hash;
  } catch {
    return false;
  }
}
