// The nickname box: for whom has none yet, whose nickname was refused, and who wants another.

export class Door {
  /** chosen(nickname) hears the choice. */
  constructor({ chosen }) {
    this.frame = document.getElementById("doorway");
    this.form = document.getElementById("door");
    this.box = document.getElementById("nickname");
    this.sentence = document.getElementById("door-sentence");
    this.cancel = document.getElementById("door-cancel");
    this.title = document.getElementById("door-title");
    this.text = document.getElementById("door-text");
    this.submit = this.form.querySelector("[type=submit]");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const nickname = this.box.value.trim();
      if (nickname) chosen(nickname);
      else this.tell("A nickname is needed, any name will do.");
    });
    this.cancel.addEventListener("click", () => this.left());
    this.frame.addEventListener("keydown", ({ key }) => key === "Escape" && !this.cancel.hidden && this.left());
  }

  get isOpen() {
    return !this.frame.hidden;
  }

  /** left: called on Cancel, for whom is in already; without it there is no way around. */
  open({ nickname = "", sentence = "", left }) {
    this.left = left;
    this.cancel.hidden = !left;
    this.text.hidden = Boolean(left);
    this.title.textContent = left ? "Change your nickname" : "Who is it?";
    this.submit.textContent = left ? "Save" : "Join";
    this.frame.hidden = false;
    this.box.value = nickname;
    this.tell(sentence);
    this.box.focus();
    this.box.select();
  }

  tell(sentence) {
    this.sentence.textContent = sentence;
    this.sentence.hidden = !sentence;
    if (sentence) this.sentence.classList.add("is-trouble");
  }

  close() {
    this.frame.hidden = true;
  }
}
