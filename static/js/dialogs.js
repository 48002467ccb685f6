// All dialogs in front of the room: one file that the page loads when the first of them is wanted (later.js).

export { AppearanceDialogs } from "./appearance-dialogs.js";
export { MentionsDialog } from "./mentions-dialog.js";
export { ModerationDialog } from "./moderation-dialog.js";
export { NotifyDialog } from "./notify-dialog.js";
export { ProgramsDialog } from "./programs-dialog.js";
export { PersonCard } from "./person-card.js";
export { RoomLinks } from "./room-links.js";
export { RoomSettings } from "./room-settings.js";
export { ReportDialog, SanctionDialog } from "./sanction-dialog.js";
