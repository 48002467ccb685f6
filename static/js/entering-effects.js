// Carries out the effects of entering.js: on the nickname dialog, the page around the room, the connection, the server.

import { NO_CONNECTION } from "./changes.js";

const VERB_NAMES = { unreserve: "reserve" }; // unreserve: `reserve` with no passphrase

/**
 * The table of effects. ask(verb, payload) -> Promise of the ack; send(event) hands an event to the machine; named(person):
 * the server confirmed this nickname; revealRoom() draws the active room; joinRooms(); tokenChanged(ack): it brought
 * another token; notify(text) shows a sentence.
 */
export function enteringEffects({ me, dialog, layout, drawer, connection, ask, send, named, tokenChanged, revealRoom, joinRooms, notify }) {
  return {
    connect() {
      if (!connection.wanted) connection.start();
    },

    showRoom() {
      dialog.close();
      layout.showRoom();
      layout.showMe(me);
      drawer.set(false);
      revealRoom();
      dialog.giveFocusBack();
    },

    /** The room stays in sight, out of reach, behind the dialog. */
    coverRoom() {
      drawer.set(false);
      layout.coverRoom();
    },

    hideRoom: () => layout.hideRoom(),
    submitLater: () => (document.body.dataset.submitted = "yes"), // when the page has begun
    openDialog: (options) => dialog.open(options),
    requireNickname: () => dialog.requireNickname(),
    refuseNickname: ({ nickname, ack }) => dialog.refuse(nickname, ack),
    refusePassphrase: ({ text }) => dialog.refusePassphrase(text),
    showUnreserved: ({ ack }) => dialog.showUnreserved(ack),
    setWish: ({ nickname }) => me.setWish(nickname),
    joinRooms: () => joinRooms(),
    notify: ({ text }) => notify(text),

    async ask(effect) {
      const { verb, payload } = effect;
      const ack = await ask(VERB_NAMES[verb] ?? verb, payload).catch(() => ({ ok: false, text: NO_CONNECTION }));
      if (ack.ok) {
        named(ack.me);
        tokenChanged(ack);
      }
      send({ ...effect, type: "answered", ack });
    },
  };
}
