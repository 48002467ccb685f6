// Entering the chat, as a pure state machine: which nickname, when to connect, what to show, what a refusal leads to.
// transition(state, event) returns [the next state, the effects in order]; entering-effects.js carries the effects out.
//
// state.step says what is on the page:
//   "start"     nothing yet
//   "choosing"  the nickname dialog, without a room behind it; it cannot be cancelled
//   "shown"     the room, joined or still to be joined
//   "changing"  the nickname dialog in front of the room; it can be cancelled
// state.isWelcome: the server has sent `welcome` on the present connection, so verbs are answered.
// state.isBusy: an answer to what the dialog submitted is awaited.
//
// A passphrase goes from the dialog to the server. The state never holds it.

import { isolate } from "./isolate.js";
import { t } from "./language.js";
import { isBlank } from "./text.js";

const PASSPHRASE_LENGTH = { min: 8, max: 200 }; // characters
const BAD_LENGTH = t("A passphrase has 8 to 200 characters.");
const PASSPHRASE_MISSING = t("Its passphrase is needed. Or choose another nickname.");

export const START = { step: "start", isWelcome: false, isBusy: false };

/** Holds the state; perform(effect) carries out one effect. */
export class Entering {
  constructor(perform) {
    Object.assign(this, { perform, state: START });
  }

  send(event) {
    const [state, effects] = transition(this.state, event);
    this.state = state;
    for (const effect of effects) this.perform(effect);
  }
}

export function transition(state, event) {
  return ON[event.type](state, event);
}

const ON = {
  /** The page was opened. nickname: the one from an earlier visit; empty on the first. What is typed already stays. */
  opened(state, { nickname }) {
    return nickname ? showRoomAndConnect(state) : [{ ...state, step: "choosing" }, [openDialog({})]];
  },

  connected(state) {
    return [{ ...state, isWelcome: true }, [{ do: "joinRooms" }]];
  },

  disconnected(state) {
    return [{ ...state, isWelcome: false }, []];
  },

  /** The server let this person into a room. */
  joined(state) {
    return state.step === "choosing" ? showRoom(state) : [state, []];
  },

  /** A room let nobody in under this nickname (`nickname_taken`, `bad_nickname`). What is typed in an open dialog stays. */
  refused(state, { nickname, ack }) {
    const refuse = [{ do: "hideRoom" }, { do: "refuseNickname", nickname, ack }];
    if (state.step === "choosing") return [state, refuse];
    const typed = state.step === "changing" ? {} : { nickname };
    return [{ ...state, step: "choosing" }, [refuse[0], openDialog(typed), refuse[1]]];
  },

  /** This person got another nickname in another tab or on another device: it may be one under which rooms can be joined. */
  renamedElsewhere(state) {
    return [state, state.step === "choosing" ? [{ do: "joinRooms" }] : []];
  },

  /** The person wants another nickname (or, field: "passphrase", to reserve the present one). */
  changeRequested(state, { nickname, field }) {
    return change(state, { nickname, field });
  },

  /** The person wants to be the owner of a reserved nickname. */
  claimRequested(state, { nickname }) {
    return change(state, { nickname, isClaim: true });
  },

  cancelled(state) {
    return state.step === "changing" ? showRoom(state) : [state, []];
  },

  /** The dialog's form. isClaim: the nickname is known to be reserved by somebody; current: the nickname until now. */
  submitted(state, { nickname, passphrase, isClaim, current }) {
    if (state.step === "start") return [state, [{ do: "submitLater" }]];
    if (isBlank(nickname)) return [state, [{ do: "requireNickname" }]];
    if (isClaim && !passphrase) return [state, [refusePassphrase(PASSPHRASE_MISSING)]];
    if (state.isBusy) return [state, []];
    if (passphrase && !isPassphrase(passphrase)) return [state, [refusePassphrase(BAD_LENGTH)]];
    if (passphrase && isClaim) return ask(state, "identify", { nickname, passphrase });
    if (state.step === "choosing") return retryJoin(state, [{ do: "setWish", nickname }]);
    if (nickname !== current) return ask(state, "rename", { nickname }, { passphrase });
    return passphrase ? ask(state, "reserve", { passphrase }) : finish(state);
  },

  /** The person gives the reservation of the nickname up. */
  unreserveRequested(state) {
    return [state, [{ do: "ask", verb: "unreserve", payload: { passphrase: null } }]];
  },

  /** The ack of an `ask` effect: {verb, payload, ack} and what the effect carried along. */
  answered(state, event) {
    return event.verb === "unreserve" ? [state, [{ do: "showUnreserved", ack: event.ack }]] : ANSWERED[event.verb]({ ...state, isBusy: false }, event);
  },
};

const ANSWERED = {
  /** Somebody who names a reserved nickname and a passphrase at once wants to be its owner. */
  rename(state, { payload: { nickname }, passphrase, ack }) {
    if (ack.reserved && passphrase) return ask(state, "identify", { nickname, passphrase }, { refusal: ack });
    if (!ack.ok) return [state, [{ do: "refuseNickname", nickname, ack }]];
    return passphrase ? ask(state, "reserve", { passphrase }) : finish(state);
  },

  reserve(state, { ack }) {
    if (!ack.ok) return [state, [refusePassphrase(ack.text)]];
    return finish(state, t("“{nickname}” is reserved for you. On another device, choose it and type your passphrase.", { nickname: isolate(ack.me.nickname) }));
  },

  /** refusal: the ack of the rename that led here; the dialog shows it where the passphrase is wrong. */
  identify(state, { payload: { nickname }, refusal, ack }) {
    if (ack.ok) return finish(state, t("You are {nickname} in this browser now.", { nickname: isolate(ack.me.nickname) }));
    const refuse = refusal ? [{ do: "refuseNickname", nickname, ack: refusal }] : [];
    return [state, [...refuse, refusePassphrase(ack.text)]];
  },
};

function change(state, dialog) {
  if (state.step === "choosing") return [state, []];
  return [{ ...state, step: "changing" }, [{ do: "coverRoom" }, openDialog({ ...dialog, canCancel: true })]];
}

/** What the dialog was open for is done. */
function finish(state, text) {
  if (state.step === "choosing") return retryJoin(state);
  const [next, effects] = showRoom(state);
  return [next, text ? [...effects, { do: "notify", text }] : effects];
}

/** Under the nickname that was chosen just now. The dialog stays until a room is joined, unless there is no connection yet. */
function retryJoin(state, before = []) {
  if (state.isWelcome) return [state, [...before, { do: "joinRooms" }]];
  const [next, effects] = showRoomAndConnect(state);
  return [next, [...before, ...effects]];
}

function showRoomAndConnect(state) {
  const [next, effects] = showRoom(state);
  return [next, [...effects, { do: "connect" }]];
}

function showRoom(state) {
  return [{ ...state, step: "shown" }, [{ do: "showRoom" }]];
}

function ask(state, verb, payload, context = {}) {
  return [{ ...state, isBusy: true }, [{ do: "ask", verb, payload, ...context }]];
}

function openDialog(options) {
  return { do: "openDialog", ...options };
}

function refusePassphrase(text) {
  return { do: "refusePassphrase", text };
}

function isPassphrase(text) {
  const { length } = [...text];
  return length >= PASSPHRASE_LENGTH.min && length <= PASSPHRASE_LENGTH.max;
}
