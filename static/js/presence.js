// Who is in a room, who came and went since the last words, and who is typing. Pure: the clock is handed in.
//
// In a large room the server's events are `partial`: they hold the count and the changes of the first page of people. Further
// pages, once fetched, are stale with each event, and so is everything when a room becomes large or small: refresh() fetches
// again what is shown.

const TYPING_LASTS = 6_000;
const RETURN_LASTS = 30_000;

export class Presence {
  constructor({ wait, now, changed }) {
    this.people = new Map();
    this.count = 0;
    this.isPartial = null; // as the first event after a join says
    this.isExtended = false; // shows more than the first page
    this.isStale = false;
    this.wait = wait;
    this.now = now;
    this.changed = changed;
    this.typists = new Map();
    this.expected = new Map();
    this.quiet();
  }

  /**
   * The list a join brings: the whole truth (or its first page), and no news about anybody. After a break, neither is who
   * was here before it and comes back a moment after us: it was the line that was gone, not they.
   */
  seat(people, count) {
    const before = [...this.people.keys()];
    const here = new Set(people.map(({ id }) => id));
    this.expect(before.filter((id) => !here.has(id)));
    this.quiet();
    this.showPages(people, count);
    this.isPartial = null;
    this.isExtended = false;
    this.changed("people");
  }

  /** A further page of a long list. */
  extend(people) {
    for (const person of people) this.people.set(person.id, person);
    this.lastOfPages = people.at(-1)?.nickname ?? this.lastOfPages;
    this.isExtended = true;
    this.changed("people");
  }

  /** Fetches the pages that are shown again. page(after, limit) answers {people, more, count}, or null where it cannot. */
  async refresh(page, firstPage) {
    const people = [];
    const wanted = this.isPartial && !this.isExtended ? firstPage : Math.max(this.people.size, firstPage);
    let answer = null;
    this.isStale = false;
    do {
      answer = await page(people.at(-1)?.nickname, wanted - people.length);
      if (!answer) {
        this.isStale = true;
        return;
      }
      people.push(...answer.people);
    } while (answer.more && answer.people.length > 0 && people.length < wanted);
    this.showPages(people, answer.count);
    this.changed("people");
  }

  /**
   * A delta from the server. An entry of `joined` whose id is known is a new nickname; `changed` are people who are here
   * and have lost their line for a moment (`reconnecting`), or have it again.
   */
  update({ joined = [], left = [], changed = [], beyond = [], count, partial = false }) {
    if (partial !== (this.isPartial ?? partial) || (partial && this.isExtended)) this.isStale = true;
    this.isPartial = partial;
    if (partial) {
      this.updateFirstPage([...joined, ...changed], left, beyond);
      this.count = count;
      this.changed("people");
      return;
    }
    for (const person of joined) this.enter(person);
    for (const person of left) this.exit(person);
    for (const person of changed) if (this.people.has(person.id)) this.enter(person);
    this.count = count ?? this.people.size;
    this.changed("people");
  }

  /** Who comes and goes here is no news: it is a few of many. `beyond` are still in the room, but further down. */
  updateFirstPage(here, left, beyond) {
    this.quiet();
    for (const person of here) this.people.set(person.id, person);
    for (const { id } of left) this.people.delete(id);
    if (!this.isExtended) for (const id of beyond) this.people.delete(id);
  }

  /** That these come or go in the next moments is no news. */
  expect(ids) {
    for (const id of ids) this.expected.set(id, this.now() + RETURN_LASTS);
  }

  typing(nickname) {
    const until = this.now() + TYPING_LASTS;
    this.typists.set(nickname, until);
    this.changed("typing");
    this.wait(TYPING_LASTS).then(() => {
      if (this.typists.get(nickname) === until) this.stopTyping(nickname);
    });
  }

  /** Words end the typing of the one who spoke, and make the news of who came and went old. */
  spoke(nickname) {
    this.stopTyping(nickname);
    if (this.news === "") return;
    this.quiet();
    this.changed("people");
  }

  /** "Ann and Bob joined, Cid left" */
  get news() {
    return this.newsWith(String);
  }

  /** The same, with each name as show(name) has it. */
  newsWith(show) {
    const renamed = [...this.renamed].map(([, [from, to]]) => `${show(from)} is now ${show(to)}`);
    return [told(this.came, "joined", show), told(this.went, "left", show), ...renamed].filter(Boolean).join(", ");
  }

  showPages(people, count) {
    this.people = new Map(people.map((person) => [person.id, person]));
    this.lastOfPages = people.at(-1)?.nickname;
    this.count = count;
    this.isStale = false;
  }

  enter(person) {
    const known = this.people.get(person.id);
    this.people.set(person.id, person);
    if (!known) this.comes(person);
    else if (known.nickname !== person.nickname) this.renames(person, known.nickname);
  }

  comes(person) {
    if (this.isExpected(person.id) || this.went.delete(person.id)) return;
    this.came.set(person.id, person.nickname);
  }

  renames({ id, nickname }, from) {
    const [first] = this.renamed.get(id) ?? [from];
    if (this.came.has(id)) this.came.set(id, nickname);
    else if (first === nickname) this.renamed.delete(id);
    else this.renamed.set(id, [first, nickname]);
  }

  exit(person) {
    const id = person.id ?? person;
    const known = this.people.get(id) ?? person;
    if (!this.people.delete(id) || this.came.delete(id) || this.isExpected(id)) return;
    this.went.set(id, known.nickname);
  }

  /** Once: who comes and goes again is news. */
  isExpected(id) {
    const until = this.expected.get(id);
    this.expected.delete(id);
    return until > this.now();
  }

  stopTyping(nickname) {
    if (this.typists.delete(nickname)) this.changed("typing");
  }

  quiet() {
    this.came = new Map();
    this.went = new Map();
    this.renamed = new Map();
  }
}

/** "Ann", "Ann and Bob", "Ann, Bob and 3 others": each as show(name) has it. */
export function namesOf(nicknames, show = String) {
  const names = Array.from(nicknames, (nickname) => show(nickname));
  if (names.length <= 2) return names.join(" and ");
  if (names.length === 3) return `${names[0]}, ${names[1]} and ${names[2]}`;
  return `${names[0]}, ${names[1]} and ${names.length - 2} others`;
}

function told(people, did, show) {
  return people.size > 0 ? `${namesOf(people.values(), show)} ${did}` : "";
}
