// Who is in a room, who joined and left since the last message, and who is typing. Pure: the clock is handed in.
//
// In a large room the server's events are `partial`: they hold the count and the changes of the first page of people. Further
// pages, once fetched, are stale with each event, and so is everything when a room becomes large or small: refresh() fetches
// again what is shown.

import { listed, sequence, t, tn } from "./language.js";

const TYPING_MS = 6_000;
const EXPECTED_MS = 30_000;

export class Presence {
  constructor({ wait, now, changed }) {
    this.people = new Map();
    this.count = 0;
    this.isPartial = null; // known from the first event after a join
    this.isExtended = false; // more than the first page was fetched
    this.isStale = false;
    this.wait = wait;
    this.now = now;
    this.changed = changed;
    this.typists = new Map();
    this.expected = new Map();
    this.roles = new Map(); // by person, also of those who have left since
    this.clearNews();
  }

  /**
   * The list in a join's ack: everybody (or the first page), and no news. After a reconnect, those who were here before and
   * come back a moment later are no news either: the connections were down, the people had not left.
   */
  reset(people, count) {
    const before = [...this.people.keys()];
    const here = new Set(people.map(({ id }) => id));
    this.expect(before.filter((id) => !here.has(id)));
    this.clearNews();
    this.showPages(people, count);
    this.isPartial = null;
    this.isExtended = false;
    this.changed("people");
  }

  /** A further page of a long list. */
  addPage(people) {
    for (const person of people) this.people.set(person.id, person);
    this.noteRoles(people);
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
   * and whose connection is down (`reconnecting`), or up again.
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
    for (const person of joined) this.put(person);
    for (const person of left) this.remove(person);
    for (const person of changed) if (this.people.has(person.id)) this.put(person);
    this.count = count ?? this.people.size;
    this.changed("people");
  }

  /** In a large room joining and leaving is no news. beyond: still in the room, but on later pages. */
  updateFirstPage(here, left, beyond) {
    this.clearNews();
    this.noteRoles(here);
    for (const person of here) this.people.set(person.id, person);
    for (const { id } of left) this.people.delete(id);
    if (!this.isExtended) for (const id of beyond) this.people.delete(id);
  }

  /** That these join or leave in the next moments is no news. */
  expect(ids) {
    for (const id of ids) this.expected.set(id, this.now() + EXPECTED_MS);
  }

  typing(nickname) {
    const until = this.now() + TYPING_MS;
    this.typists.set(nickname, until);
    this.changed("typing");
    this.wait(TYPING_MS).then(() => {
      if (this.typists.get(nickname) === until) this.stopTyping(nickname);
    });
  }

  /** A message ends its author's typing, and the news of who joined and left. */
  messageFrom(nickname) {
    this.stopTyping(nickname);
    if (this.news === "") return;
    this.clearNews();
    this.changed("people");
  }

  /** "Ann and Bob joined, Cid left" */
  get news() {
    return this.newsWith(String);
  }

  /** The same, with each name as show(name) has it. isDirect: of two people, who neither join nor leave: they are in it for good. */
  newsWith(show, isDirect = false) {
    const renamed = [...this.renamed].map(([, [from, to]]) => t("{before} is now {now}", { before: show(from), now: show(to) }));
    if (isDirect) return sequence(renamed);
    const [came, went] = [this.joinedSince, this.leftSince];
    const joined = came.size > 0 ? [tn("{names} joined", "{names} joined", came.size, { names: namesOf(came.values(), show) })] : [];
    const left = went.size > 0 ? [tn("{names} left", "{names} left", went.size, { names: namesOf(went.values(), show) })] : [];
    return sequence([...joined, ...left, ...renamed]);
  }

  showPages(people, count) {
    this.people = new Map(people.map((person) => [person.id, person]));
    this.noteRoles(people);
    this.lastOfPages = people.at(-1)?.nickname;
    this.count = count;
    this.isStale = false;
  }

  put(person) {
    const known = this.people.get(person.id);
    this.people.set(person.id, person);
    this.noteRoles([person]);
    if (!known) this.added(person);
    else if (known.nickname !== person.nickname) this.nicknameChanged(person, known.nickname);
  }

  noteRoles(people) {
    const changed = people.filter(({ id, role }) => this.roles.get(id) !== role);
    for (const { id, role } of changed) {
      if (role) this.roles.set(id, role);
      else this.roles.delete(id);
    }
    if (changed.length > 0) this.changed("roles");
  }

  added(person) {
    if (this.isExpected(person.id) || this.leftSince.delete(person.id)) return;
    this.joinedSince.set(person.id, person.nickname);
  }

  nicknameChanged({ id, nickname }, from) {
    const [first] = this.renamed.get(id) ?? [from];
    if (this.joinedSince.has(id)) this.joinedSince.set(id, nickname);
    else if (first === nickname) this.renamed.delete(id);
    else this.renamed.set(id, [first, nickname]);
  }

  remove(person) {
    const id = person.id ?? person;
    const known = this.people.get(id) ?? person;
    if (!this.people.delete(id) || this.joinedSince.delete(id) || this.isExpected(id)) return;
    this.leftSince.set(id, known.nickname);
  }

  /** Once only: the next time it is news. */
  isExpected(id) {
    const until = this.expected.get(id);
    this.expected.delete(id);
    return until > this.now();
  }

  stopTyping(nickname) {
    if (this.typists.delete(nickname)) this.changed("typing");
  }

  clearNews() {
    this.joinedSince = new Map();
    this.leftSince = new Map();
    this.renamed = new Map();
  }
}

/** "Ann", "Ann and Bob", "Ann, Bob and 3 others": each as show(name) has it. */
export function namesOf(nicknames, show = String) {
  const names = Array.from(nicknames, (nickname) => show(nickname));
  if (names.length <= 3) return listed(names);
  const [first, second] = names;
  return tn("{first}, {second} and {n} other", "{first}, {second} and {n} others", names.length - 2, { first, second });
}
