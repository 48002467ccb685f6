// The languages at the foot of a page (templates/partials/languages.html), each a button of a form. Where the script is there,
// it takes the choice, as that of the dialog.

import { NO_COOKIE } from "./look.js";

/** look: see look.js; refused(sentence). */
export function takeLanguages({ look, refused }) {
  document.getElementById("languages").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    if (!look.chooseLanguage(button.value)) refused(NO_COOKIE);
  });
}
