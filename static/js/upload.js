// One upload of a file: XMLHttpRequest, for fetch tells nothing of the progress of what it sends.

import { sitePath } from "./base.js";
import { t } from "./language.js";

const TOO_LARGE = 413;

/**
 * token: that of the tab, where no cookie holds it; progress(share) from 0 to 1; signal: of an AbortController. Answers what the
 * server says ({ok, file} or {ok: false, error, text}); null where there was no answer.
 */
export function upload({ blob, name, room, token, progress, signal }) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("room", room); // first: its rules are asked before the bytes are taken
    form.append("file", blob, name);
    request.open("POST", sitePath("/files"));
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = () => done(answerOf(request));
    request.onerror = request.onabort = request.ontimeout = () => done(null);
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** A proxy in front may answer in our place, and not in JSON. */
function answerOf({ status, responseText }) {
  try {
    const answer = JSON.parse(responseText);
    if (typeof answer?.ok === "boolean") return answer;
  } catch {
    // not from us
  }
  if (status === TOO_LARGE) return { ok: false, error: "file_too_large", text: t("This site takes no file as large as that.") };
  return status >= 500 ? null : { ok: false, error: "broken", text: t("The upload was refused (HTTP {status}).", { status }) };
}
