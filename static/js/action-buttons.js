// Buttons for what one can do, in a menu and on a person's card; and what becomes of them where that changes while they are open.

/** The button of {do, label}. */
export function actionButton({ do: name, label }, className) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.dataset.do = name;
  button.textContent = label;
  return button;
}

/**
 * What one may do has changed. A press that is on its way must not hit something else, so no button moves: what is new comes at
 * the end, and what may be done no longer stays where it is and cannot be pressed. The next time all is in its usual order.
 * wanted: [{do, label}] of this moment; make(item): the button of a new one.
 */
export function renewActions(element, wanted, make) {
  const left = new Map(wanted.map((item) => [item.do, item]));
  for (const button of element.querySelectorAll("[data-do]")) {
    const now = left.get(button.dataset.do);
    button.setAttribute("aria-disabled", now ? "false" : "true");
    if (now && button.textContent !== now.label) button.textContent = now.label;
    left.delete(button.dataset.do);
  }
  element.append(...[...left.values()].map(make));
}

export function isOff(button) {
  return button.getAttribute("aria-disabled") === "true";
}
