// What browsers of 2021 (Safari 15, docs/hosts.md) do not have yet and the page uses: filled in where it is missing, before
// anything else runs. What cannot be filled in is not used; tests/web/test_older_browsers.py holds both.

fill(Array.prototype, "at", function at(index) {
  return this[index < 0 ? this.length + index : index];
});

fill(Array.prototype, "findLast", function findLast(isWanted) {
  for (let place = this.length - 1; place >= 0; place -= 1) if (isWanted(this[place], place, this)) return this[place];
  return undefined;
});

fill(Object, "hasOwn", (owner, key) => Object.prototype.hasOwnProperty.call(owner, key));

/** By a click on the submit button, as a person would; a button of the form's own where there is none. */
fill(HTMLFormElement.prototype, "requestSubmit", function requestSubmit(submitter) {
  const button = submitter ?? this.querySelector("[type=submit]");
  if (button && !button.disabled) button.click();
  else this.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
});

function fill(owner, name, value) {
  if (name in owner) return;
  Object.defineProperty(owner, name, { value, writable: true, configurable: true });
}
