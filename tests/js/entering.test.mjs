import assert from "node:assert/strict";
import { test } from "node:test";

import { Entering, START, transition } from "../../static/js/entering.js";

const at = (step, more = {}) => ({ ...START, step, ...more });
const choosing = at("choosing");
const online = (step) => at(step, { isWelcome: true });
const busy = (step) => at(step, { isWelcome: true, isBusy: true });

const dialog = (options) => ({ do: "openDialog", ...options });
const refuse = (nickname, ack) => ({ do: "refuseNickname", nickname, ack });
const doubt = (text) => ({ do: "refusePassphrase", text });
const ask = (verb, payload, more = {}) => ({ do: "ask", verb, payload, ...more });
const notify = (text) => ({ do: "notify", text });
const [showRoom, hideRoom, coverRoom, connect, joinRooms] = ["showRoom", "hideRoom", "coverRoom", "connect", "joinRooms"].map((name) => ({ do: name }));

const submit = (nickname, passphrase = "", more = {}) => ({ type: "submitted", nickname, passphrase, isClaim: false, current: "ann", ...more });
const answer = (verb, payload, ack, more = {}) => ({ type: "answered", verb, payload, ack, ...more });
const taken = { ok: false, error: "nickname_taken", text: "Taken.", suggestion: "ann2" };
const reserved = { ok: false, error: "nickname_taken", text: "Reserved.", reserved: true };
const ann = { ok: true, me: { id: "1", nickname: "ann" } };
const secret = "correct horse";

/** [what happens, state before, event, state after, effects] */
const TABLE = [
  ["a first visit asks for a nickname", START, { type: "opened", nickname: "" }, choosing, [dialog({})]],
  ["a returning visitor goes straight in", START, { type: "opened", nickname: "ann" }, at("shown"), [showRoom, connect]],

  ["a nickname is needed", choosing, submit(" \u200b"), choosing, [{ do: "requireNickname" }]],
  ["the first nickname: the room is shown while it connects", choosing, submit("ann"), at("shown"), [{ do: "setWish", nickname: "ann" }, showRoom, connect]],
  ["submitted before the script has looked around", START, submit("ann"), START, [{ do: "submitLater" }]],
  ["after a refusal: the dialog stays until a room is joined", online("choosing"), submit("bob"), online("choosing"), [{ do: "setWish", nickname: "bob" }, joinRooms]],

  ["welcome: the rooms are joined", at("shown"), { type: "connected" }, online("shown"), [joinRooms]],
  ["welcome with the dialog open joins, too", choosing, { type: "connected" }, online("choosing"), [joinRooms]],
  ["a lost connection leaves the page as it is", online("changing"), { type: "disconnected" }, at("changing"), []],

  ["joined with the room in sight: nothing more", online("shown"), { type: "joined" }, online("shown"), []],
  ["joined with the dialog open: the room is shown", online("choosing"), { type: "joined" }, online("shown"), [showRoom]],
  ["joined again while changing the nickname: the dialog stays", online("changing"), { type: "joined" }, online("changing"), []],

  ["refused at the join: the dialog opens with the wish", online("shown"), { type: "refused", nickname: "ann", ack: taken }, online("choosing"), [hideRoom, dialog({ nickname: "ann" }), refuse("ann", taken)]],
  ["refused while changing: what is typed stays, and there is no Cancel any more", online("changing"), { type: "refused", nickname: "ann", ack: taken }, online("choosing"), [hideRoom, dialog({}), refuse("ann", taken)]],
  ["refused again: the dialog is not opened anew", online("choosing"), { type: "refused", nickname: "bob", ack: taken }, online("choosing"), [hideRoom, refuse("bob", taken)]],

  ["renamed elsewhere while the dialog waits: tried again", online("choosing"), { type: "renamedElsewhere" }, online("choosing"), [joinRooms]],
  ["renamed elsewhere while in the room: nothing", online("shown"), { type: "renamedElsewhere" }, online("shown"), []],

  ["Change opens the dialog over the room", online("shown"), { type: "changeRequested", nickname: "ann" }, online("changing"), [coverRoom, dialog({ nickname: "ann", field: undefined, canCancel: true })]],
  ["/reserve opens it at the passphrase", online("shown"), { type: "changeRequested", nickname: "ann", field: "passphrase" }, online("changing"), [coverRoom, dialog({ nickname: "ann", field: "passphrase", canCancel: true })]],
  ["/identify opens it for a reserved nickname", online("shown"), { type: "claimRequested", nickname: "bob" }, online("changing"), [coverRoom, dialog({ nickname: "bob", isClaim: true, canCancel: true })]],
  ["before the first join there is no room to go back to", online("choosing"), { type: "changeRequested", nickname: "ann" }, online("choosing"), []],
  ["Cancel shows the room again", online("changing"), { type: "cancelled" }, online("shown"), [showRoom]],
  ["Cancel without a room behind it does nothing", online("choosing"), { type: "cancelled" }, online("choosing"), []],

  ["saved unchanged", online("changing"), submit("ann"), online("shown"), [showRoom]],
  ["saved with another nickname", online("changing"), submit("bob"), busy("changing"), [ask("rename", { nickname: "bob" }, { passphrase: "" })]],
  ["sent twice, it is asked once", busy("changing"), submit("bob"), busy("changing"), []],
  ["renamed", busy("changing"), answer("rename", { nickname: "bob" }, ann, { passphrase: "" }), online("shown"), [showRoom]],
  ["the new nickname is taken", busy("changing"), answer("rename", { nickname: "bob" }, taken, { passphrase: "" }), online("changing"), [refuse("bob", taken)]],
  ["renamed after Cancel: the room stays", busy("shown"), answer("rename", { nickname: "bob" }, ann, { passphrase: "" }), online("shown"), [showRoom]],

  ["the present nickname is reserved", online("changing"), submit("ann", secret), busy("changing"), [ask("reserve", { passphrase: secret })]],
  ["another one is taken first, then reserved", busy("changing"), answer("rename", { nickname: "bob" }, ann, { passphrase: secret }), busy("changing"), [ask("reserve", { passphrase: secret })]],
  ["reserved", busy("changing"), answer("reserve", { passphrase: secret }, ann), online("shown"), [showRoom, notify("“\u2068ann\u2069” is reserved for you. On another device, choose it and type your passphrase.")]],
  ["not reserved", busy("changing"), answer("reserve", { passphrase: secret }, { ok: false, text: "No." }), online("changing"), [doubt("No.")]],

  ["a reserved nickname needs its passphrase", online("choosing"), submit("bob", "", { isClaim: true }), online("choosing"), [doubt("Its passphrase is needed. Or choose another nickname.")]],
  ["a passphrase that is too short is not sent", online("choosing"), submit("bob", "short", { isClaim: true }), online("choosing"), [doubt("A passphrase has 8 to 200 characters.")]],
  ["nor one that is too long", online("changing"), submit("ann", "x".repeat(201)), online("changing"), [doubt("A passphrase has 8 to 200 characters.")]],
  ["200 characters are counted as the server does", online("changing"), submit("ann", "🎉".repeat(200)), busy("changing"), [ask("reserve", { passphrase: "🎉".repeat(200) })]],
  ["claimed on the first visit", online("choosing"), submit("bob", secret, { isClaim: true }), busy("choosing"), [ask("identify", { nickname: "bob", passphrase: secret })]],
  ["identified on the first visit: in", busy("choosing"), answer("identify", { nickname: "bob", passphrase: secret }, ann), online("choosing"), [joinRooms]],
  ["identified after the connection went: shown, and connected again", at("choosing", { isBusy: true }), answer("identify", { nickname: "bob", passphrase: secret }, ann), at("shown"), [showRoom, connect]],
  ["identified inside: told whom this browser is now", busy("changing"), answer("identify", { nickname: "ann", passphrase: secret }, ann), online("shown"), [showRoom, notify("You are \u2068ann\u2069 in this browser now.")]],
  ["a wrong passphrase", busy("choosing"), answer("identify", { nickname: "bob", passphrase: secret }, { ok: false, text: "Wrong." }), online("choosing"), [doubt("Wrong.")]],
  ["a reserved nickname and a passphrase at once: a claim", busy("changing"), answer("rename", { nickname: "bob" }, reserved, { passphrase: secret }), busy("changing"), [ask("identify", { nickname: "bob", passphrase: secret }, { refusal: reserved })]],
  ["which is refused: both are told", busy("changing"), answer("identify", { nickname: "bob", passphrase: secret }, { ok: false, text: "Wrong." }, { refusal: reserved }), online("changing"), [refuse("bob", reserved), doubt("Wrong.")]],
  ["a reserved nickname without a passphrase is refused", busy("changing"), answer("rename", { nickname: "bob" }, reserved, { passphrase: "" }), online("changing"), [refuse("bob", reserved)]],

  ["the reservation is given up", online("changing"), { type: "unreserveRequested" }, online("changing"), [ask("unreserve", { passphrase: null })]],
  ["and the dialog stays", online("changing"), answer("unreserve", { passphrase: null }, ann), online("changing"), [{ do: "showUnreserved", ack: ann }]],
  ["while another answer is awaited, too", busy("changing"), answer("unreserve", { passphrase: null }, ann), busy("changing"), [{ do: "showUnreserved", ack: ann }]],
];

for (const [name, before, event, after, effects] of TABLE) {
  test(`entering: ${name}`, () => {
    assert.deepEqual(transition(Object.freeze(before), event), [after, effects]);
  });
}

test("entering: every event is answered in every step, and no state holds a passphrase", () => {
  for (const [, , event] of TABLE) {
    for (const step of ["start", "choosing", "shown", "changing"]) {
      const [state, effects] = transition(online(step), event);
      assert.ok(Array.isArray(effects));
      assert.equal(JSON.stringify(state).includes(secret), false);
    }
  }
});

test("entering: the first visit, from the dialog into the room, by way of a refusal", () => {
  const done = [];
  const entering = new Entering((effect) => done.push(effect.do));
  const refusal = { type: "refused", nickname: "ann", ack: taken };
  for (const event of [{ type: "opened", nickname: "" }, submit("ann"), { type: "connected" }, refusal, submit("bob"), { type: "joined" }]) entering.send(event);
  assert.deepEqual(entering.state, online("shown"));
  const first = ["openDialog", "setWish", "showRoom", "connect", "joinRooms"];
  assert.deepEqual(done, [...first, "hideRoom", "openDialog", "refuseNickname", "setWish", "joinRooms", "showRoom"]);
});
