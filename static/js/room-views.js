// Draws a room's changes in the views of the page. A Room calls changed(room, what, detail); which views `what` concerns is
// the table below. Most concern the active room only.

import { labelOf } from "./room-name.js";

export class RoomViews {
  /** putAway(): the bar of actions on a message goes. */
  constructor({ rooms, outbox, timeline, roster, layout, unreadView, composer, drawer, standing, putAway }) {
    Object.assign(this, { rooms, outbox, timeline, roster, layout, unreadView, composer, drawer, standing, putAway });
  }

  changed(room, what, detail) {
    CHANGED[what](this, room, detail, room === this.rooms.active);
  }

  /** Another room becomes the active one. */
  show(room) {
    this.layout.showHead(room);
    this.putAway();
    this.unreadView.show(room);
    this.roster.show(room);
    this.composer.show(room.name, labelOf(room));
    this.standing.show(room);
    this.drawer.set(false);
    this.unreadView.draw(room);
  }

  /** The nickname dialog is closed: the active room is in sight. */
  reveal() {
    this.timeline.show(this.rooms.active);
    this.composer.update();
    this.composer.focus();
  }

  /**
   * This browser's person is another one now (`identify`): other messages are one's own. That the two ids join and leave is
   * no news. ids: the one before and the one now.
   */
  personChanged(ids) {
    this.putAway();
    for (const room of this.rooms.all()) {
      room.presence.expect(ids);
      room.forgetOwn();
      this.unreadView.draw(room);
    }
    this.timeline.show(this.rooms.active);
    this.roster.show(this.rooms.active);
  }

  /** Somebody is ignored since now, or no longer. */
  ignoredChanged() {
    this.putAway();
    for (const room of this.rooms.all()) this.unreadView.draw(room);
    if (!this.rooms.active) return;
    this.timeline.redraw();
    this.timeline.drawPresence();
    this.roster.show(this.rooms.active);
  }

  /** A message is in the log, so it is sent. By its id alone: the person may have been another one when it was sent. */
  settle({ id }) {
    this.outbox.settle(id);
  }
}

const CHANGED = {
  message(views, room, detail, isActive) {
    views.settle(detail.message);
    if (isActive) views.timeline.put(detail);
    if (isActive && room.rules.slow && detail.message.kind) views.standing.tick();
    views.unreadView.drawSoon(room);
  },
  reset(views, room, _, isActive) {
    for (const message of room.messages) views.settle(message);
    if (isActive) views.unreadView.show(room);
    views.unreadView.draw(room);
  },
  live: ({ timeline }, room, _, isActive) => isActive && timeline.fillScreen(),
  shown: ({ timeline }, room, _, isActive) => isActive && timeline.sync(),
  typing: ({ timeline }, room, _, isActive) => isActive && timeline.drawTyping(),
  roles: ({ timeline }, room, _, isActive) => isActive && timeline.redraw(),
  standing: ({ standing }, room, _, isActive) => isActive && standing.show(room),
  people({ roster, timeline }, room, _, isActive) {
    if (!isActive) return;
    roster.show(room);
    timeline.drawPresence();
  },
  room({ layout, timeline }, room, _, isActive) {
    if (!isActive) return;
    layout.showHead(room);
    timeline.drawStart();
  },
};
