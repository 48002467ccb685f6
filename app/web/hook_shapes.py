"""What other programs post to hooks, and what is said of it in the room.

Known are Parlor's own `{text, nickname?}`, plain text, forms, and the bodies of Slack, Discord, Mattermost, GitHub,
GitLab, Gitea, Grafana, Alertmanager, Uptime Kuma and Sentry: so that a room's hook can be put in wherever one of those
is asked for. Pure functions of what was posted; a field that is missing or of another type is left out.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from app.model import LIMITS, Refused
from app.web.bodies import read_json

Body = Mapping[str, Any]

MAX_COMMITS = 5  # of a push that are named
MAX_ALERTS = 10
MAX_FIELDS = 100  # of a form
MAX_LINE = 300  # characters of a title
EXPECTED = "A hook takes {“text”, “nickname”?}, plain text, or what the usual systems send."

_SLACK_LINK = re.compile(r"<((?:https?|mailto):[^|>]+)(?:\|([^>]*))?>")
_SLACK_CALL = re.compile(r"<[@#!][^|>]*\|([^>]+)>|<!(here|channel|everyone)>")


class Said(NamedTuple):
    text: str
    nickname: str | None = None


def read(headers: Mapping[str, str], body: Any) -> Said | None:
    """What is to be said; None where there is nothing to say of it (a ping, say). Raises `bad_payload`."""
    if isinstance(body, str):
        return Said(body)
    if isinstance(body, list):  # Alertmanager's API, older Grafana
        body = {"alerts": body}
    if not isinstance(body, dict):
        raise Refused("bad_payload", EXPECTED)
    if event := headers.get("X-GitHub-Event") or headers.get("X-Gitea-Event"):
        return _said(_github(event, body), "GitHub" if "X-GitHub-Event" in headers else "Gitea")
    if "X-Gitlab-Event" in headers:
        return _said(_gitlab(body), "GitLab")
    if isinstance(body.get("text"), str) and not any(key in body for key in ("attachments", "blocks")):
        return _own(body)  # as it is: too long a text is refused, not cut
    for is_one, shape in SHAPES:
        if is_one(body) and (said := shape(headers, body)):
            return said
    raise Refused("bad_payload", EXPECTED)


def form(text: str) -> Body:
    """The fields of a form. GitHub, Slack and Discord put JSON into one of them."""
    try:
        found = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refused("bad_payload", f"A form has {MAX_FIELDS} fields at most.") from None
    fields = {name: values[-1] for name, values in found.items()}
    for name in ("payload", "payload_json"):
        if name in fields:
            inner = read_json(fields[name].encode("utf-8", "surrogatepass"))
            return inner if isinstance(inner, dict) else {}
    return fields


# --- texts ---


def _own(body: Body) -> Said:
    nickname = body.get("nickname", body.get("username"))
    if nickname is not None and not isinstance(nickname, str):
        raise Refused("bad_payload", "“nickname” is text.", field="nickname")
    return Said(_from_slack(body["text"]), nickname or None)


def _said(lines: Iterable[str] | str | None, nickname: str | None) -> Said | None:
    text = "" if lines is None else lines if isinstance(lines, str) else "\n".join(line for line in lines if line)
    text = text.replace("\0", "").strip()
    return Said(_cut(text, LIMITS.text), nickname) if text else None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _line(value: Any) -> str:
    """A value in one line; empty where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _cut(" ".join(str(value).split()), MAX_LINE)


def _at(body: Any, *path: str) -> Any:
    """What lies there; None where nothing does."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _text_at(body: Any, *path: str) -> str:
    return _line(_at(body, *path))


def _first(body: Any, *names: str) -> str:
    """Of several fields, the first that holds something."""
    return next((text for name in names if (text := _text_at(body, name))), "")


def _dicts(value: Any, most: int = 100) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)][:most] if isinstance(value, list) else []


def _joined(*parts: str, by: str = " ") -> str:
    return by.join(part for part in parts if part)


# --- Slack, Mattermost, Discord ---


def _from_slack(text: str) -> str:
    """Slack's marks for links, calls and signs, as people write them."""
    if "<" in text:
        text = _SLACK_LINK.sub(lambda link: _joined(link[2] or "", link[1]) if link[2] != link[1] else link[1], text)
        text = _SLACK_CALL.sub(lambda call: call[1] or f"@{call[2]}", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _slack(_headers: Mapping[str, str], body: Body) -> Said | None:
    lines = [body["text"]] if isinstance(body.get("text"), str) else []
    lines += [line for block in _dicts(body.get("blocks")) for line in _block(block)]
    for one in _dicts(body.get("attachments")):
        parts = [line for block in _dicts(one.get("blocks")) for line in _block(block)]
        title = _joined(_text_at(one, "title"), _text_at(one, "title_link"))
        parts += [_text(one, "pretext"), title, _text(one, "text")]
        parts += [
            _joined(_text_at(field, "title"), _text(field, "value"), by=": ") for field in _dicts(one.get("fields"))
        ]
        lines += parts if any(parts) else [_text(one, "fallback")]
    nickname = body.get("username")
    text = _from_slack("\n".join(dict.fromkeys(line for line in lines if line.strip())))
    if not text:
        raise Refused("bad_payload", EXPECTED)
    return _said(text, nickname if isinstance(nickname, str) else None)


def _text(body: Body, name: str) -> str:
    """A field of several lines."""
    value = body.get(name)
    return value if isinstance(value, str) else _line(value)


def _block(block: Body) -> list[str]:
    parts = [block.get("text"), *_dicts(block.get("fields")), *_dicts(block.get("elements"))]
    return [text for part in parts if (text := _of_block(part))]


def _of_block(part: Any) -> str:
    if isinstance(part, str):
        return part
    text = _at(part, "text")
    if isinstance(text, str):
        return text
    inner = "".join(_of_block(one) for one in _dicts(_at(part, "elements")))
    return inner or _joined(_text_at(text, "text"), _text_at(part, "url"))


def _discord(_headers: Mapping[str, str], body: Body) -> Said | None:
    lines = [_text(body, "content")]
    for embed in _dicts(body.get("embeds")):
        lines += [_joined(_text_at(embed, "title"), _text_at(embed, "url")), _text(embed, "description")]
        lines += [
            _joined(_text_at(field, "name"), _text(field, "value"), by=": ") for field in _dicts(embed.get("fields"))
        ]
    nickname = body.get("username")
    if not any(line.strip() for line in lines):
        raise Refused("bad_payload", EXPECTED)
    return _said(lines, nickname if isinstance(nickname, str) else None)


# --- GitHub, Gitea, GitLab ---


def _github(event: str, body: Body) -> Iterable[str] | None:
    repository = _text_at(body, "repository", "full_name")
    by = _first(_at(body, "sender"), "login", "username")
    teller = GITHUB.get(event)
    return teller(repository, by, body) if teller else None


def _push(repository: str, by: str, body: Body) -> Iterable[str] | None:
    branch = _text_at(body, "ref").removeprefix("refs/heads/").removeprefix("refs/tags/")
    commits, by = _dicts(body.get("commits"), 10_000), _text_at(body, "pusher", "name") or by
    if body.get("deleted") is True:
        return [f"{by} deleted {branch} of {repository}"]
    if not commits:
        return [_joined(f"{by} pushed {branch} to {repository}", _first(body, "compare", "compare_url"))]
    return _of_push(by, branch, repository, commits, _first(body, "compare", "compare_url"))


def _of_push(by: str, branch: str, project: str, commits: list[dict[str, Any]], link: str) -> Iterable[str]:
    count = len(commits)
    yield _joined(f"{by} pushed {count} commit{'s' if count > 1 else ''} to {branch} of {project}", link)
    for commit in commits[:MAX_COMMITS]:
        message = commit.get("message")
        title = _line(message.strip().partition("\n")[0]) if isinstance(message, str) else ""
        yield _joined(_text_at(commit, "id")[:7], title, by=" · ")
    if count > MAX_COMMITS:
        yield f"and {count - MAX_COMMITS} more"


def _of(what: str, key: str, *actions: str) -> Callable[[str, str, Body], Iterable[str] | None]:
    """Somebody did something to an issue, say."""

    def tell(repository: str, by: str, body: Body) -> Iterable[str] | None:
        action, thing = _text_at(body, "action"), _at(body, key)
        if action not in actions or not isinstance(thing, dict):
            return None
        if action == "closed" and thing.get("merged") is True:
            action = "merged"
        name = _joined(f"#{number}" if (number := _text_at(thing, "number")) else "", _first(thing, "title", "name"))
        about = f"{what} {name or _text_at(thing, 'tag_name')} of {repository}"
        return [f"{by} {action.replace('_', ' ')} {about}", _text_at(thing, "html_url")]

    return tell


def _comment(repository: str, by: str, body: Body) -> Iterable[str] | None:
    if _text_at(body, "action") != "created":
        return None
    issue = _at(body, "issue") or _at(body, "pull_request")
    about = _joined(f"#{_text_at(issue, 'number')}", _text_at(issue, "title"))
    return [f"{by} commented on {about} of {repository}", _text_at(body, "comment", "html_url")]


def _review(repository: str, by: str, body: Body) -> Iterable[str] | None:
    state = {"approved": "approved", "changes_requested": "wants changes in"}.get(_text_at(body, "review", "state"))
    if _text_at(body, "action") != "submitted" or not state:
        return None
    about = _joined(f"#{_text_at(body, 'pull_request', 'number')}", _text_at(body, "pull_request", "title"))
    return [f"{by} {state} {about} of {repository}", _text_at(body, "review", "html_url")]


def _run(key: str) -> Callable[[str, str, Body], Iterable[str] | None]:
    def tell(repository: str, _by: str, body: Body) -> Iterable[str] | None:
        run, result = _at(body, key), _text_at(body, key, "conclusion")
        if _text_at(body, "action") != "completed" or not result:
            return None
        branch = _text_at(run, "head_branch") or _text_at(run, "check_suite", "head_branch")
        on = f" on {branch}" if branch else ""
        return [f"{_mark(result)} {_text_at(run, 'name')}{on} of {repository}: {result}", _text_at(run, "html_url")]

    return tell


def _ref(did: str) -> Callable[[str, str, Body], Iterable[str] | None]:
    def tell(repository: str, by: str, body: Body) -> Iterable[str] | None:
        return [f"{by} {did} {_text_at(body, 'ref_type')} {_text_at(body, 'ref')} of {repository}"]

    return tell


GITHUB: dict[str, Callable[[str, str, Body], Iterable[str] | None]] = {
    "push": _push,
    "issues": _of("issue", "issue", "opened", "closed", "reopened"),
    "pull_request": _of("pull request", "pull_request", "opened", "closed", "reopened", "ready_for_review"),
    "release": _of("release", "release", "published"),
    "issue_comment": _comment,
    "pull_request_review": _review,
    "workflow_run": _run("workflow_run"),
    "create": _ref("created"),
    "delete": _ref("deleted"),
}


def _gitlab(body: Body) -> Iterable[str] | None:
    kind, about = _first(body, "object_kind", "event_type"), _at(body, "object_attributes")
    project = _text_at(body, "project", "path_with_namespace")
    by = _text_at(body, "user", "name") or _first(body, "user_name", "user_username")
    link = _text_at(about, "url")
    if kind in ("push", "tag_push"):
        branch = _text_at(body, "ref").removeprefix("refs/heads/").removeprefix("refs/tags/")
        commits = _dicts(body.get("commits"), 10_000)
        return _of_push(by, branch, project, commits, "") if commits else [f"{by} pushed {branch} to {project}"]
    if kind in ("issue", "merge_request"):
        action = {"open": "opened", "close": "closed", "reopen": "reopened", "merge": "merged"}
        if did := action.get(_text_at(about, "action")):
            name = f"{'!' if kind == 'merge_request' else '#'}{_text_at(about, 'iid')} {_text_at(about, 'title')}"
            return [f"{by} {did} {kind.replace('_', ' ')} {name} of {project}", link]
        return None
    if kind == "pipeline":
        status = _text_at(about, "status")
        on = f"{_text_at(about, 'ref')} of {project}"
        is_over = status in ("success", "failed", "canceled")
        return [f"{_mark(status)} Pipeline on {on}: {status}", link] if is_over else None
    if kind == "note":
        return [f"{by} commented in {project}", link]
    if kind == "release":
        return [f"{by} published release {_text_at(body, 'name')} of {project}", _text_at(body, "url")]
    return None


def _mark(result: str) -> str:
    return {"success": "✅", "failure": "❌", "failed": "❌", "timed_out": "❌"}.get(result, "⚪")


# --- monitors ---


def _alerts(_headers: Mapping[str, str], body: Body) -> Said | None:
    """Alertmanager, and Grafana, which sends the same and more."""
    alerts, is_grafana = _dicts(body.get("alerts"), 10_000), "orgId" in body or "dashboardURL" in body
    lines = [_alert(alert) for alert in alerts[:MAX_ALERTS]]
    if len(alerts) > MAX_ALERTS:
        lines.append(f"and {len(alerts) - MAX_ALERTS} more")
    if not any(lines):
        lines = [_joined(_first(body, "title"), _text(body, "message"), by="\n")]
    return _said(lines, "Grafana" if is_grafana else "Alertmanager")


def _alert(alert: Body) -> str:
    labels, notes = _at(alert, "labels"), _at(alert, "annotations")
    is_over = _text_at(alert, "status") == "resolved"
    name, where = _text_at(labels, "alertname"), _first(labels, "instance", "job")
    about = _joined(_first(notes, "summary"), _first(notes, "description"), by=" · ")
    head = _joined(name, f"({where})" if where else "")
    if not _joined(head, about):
        return ""
    return _joined("✅ resolved:" if is_over else "🔥 firing:", _joined(head, about, by=" · "))


def _old_grafana(_headers: Mapping[str, str], body: Body) -> Said | None:
    mark = {"ok": "✅", "alerting": "🔥"}.get(_text_at(body, "state"), "⚪")
    lines = [f"{mark} {_first(body, 'title', 'ruleName')}", _text(body, "message"), _text_at(body, "ruleUrl")]
    return _said(lines, "Grafana")


def _kuma(_headers: Mapping[str, str], body: Body) -> Said | None:
    status = _at(body, "heartbeat", "status")
    mark = {0: "🔥", 1: "✅"}.get(status, "⚪") if isinstance(status, int) else "⚪"
    return _said(_joined(mark, _first(body, "msg") or _text_at(body, "heartbeat", "msg")), "Uptime Kuma")


def _sentry(_headers: Mapping[str, str], body: Body) -> Said | None:
    about = next((found for key in ("issue", "event", "error") if (found := _at(body, "data", key))), None) or body
    title = _first(about, "title", "message", "culprit") or _text_at(body, "event", "title")
    project = _first(body, "project_name", "project") or _text_at(about, "project", "slug")
    link = _first(about, "web_url", "permalink", "url")
    action = _text_at(body, "action")
    head = _joined("🐞", f"{project}:" if project else "", title, f"({action})" if action else "")
    return _said([head, link], "Sentry") if title else None


SHAPES: tuple[tuple[Callable[[Body], bool], Callable[[Mapping[str, str], Body], Said | None]], ...] = (
    (lambda body: isinstance(body.get("alerts"), list), _alerts),
    (lambda body: "ruleName" in body and "state" in body, _old_grafana),
    (lambda body: "heartbeat" in body and "msg" in body, _kuma),
    (lambda body: "content" in body or "embeds" in body, _discord),
    (lambda body: "attachments" in body or "blocks" in body, _slack),
    (lambda body: isinstance(body.get("data"), dict) and "actor" in body, _sentry),
    (lambda body: "culprit" in body or ("project_name" in body and "event" in body), _sentry),
)
