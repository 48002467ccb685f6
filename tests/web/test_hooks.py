"""`POST /hooks/{secret}`: other programs say something in a room."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from app.model import ERRORS, LIMITS
from app.server import Running
from app.web import hook_shapes
from tests.conftest import Start
from tests.support.http import Answer, Asker
from tests.support.talker import Talker


async def hook_of(owner: Talker, room: str = "lobby", **more: Any) -> dict[str, Any]:
    answer = await owner.ask("hook", {"room": room} | more)
    assert answer["ok"], answer
    made: dict[str, Any] = answer["hook"]
    return made


async def post(script: Asker, secret: str, body: Any, **headers: str) -> Answer:
    sent = {"data": body} if isinstance(body, bytes | str) else {"json": body}
    return await script.send("POST", f"/hooks/{secret}", headers, **sent)


async def test_whatever_is_posted_is_said_in_the_room_and_marked_as_a_bots(server: Running) -> None:
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script:
        await owner.join("lobby")
        made = await hook_of(owner, nickname="builds")
        assert made["post"] == f"{server.url}/hooks/{made['secret']}" and "url" not in made
        answer = await post(script, made["secret"], {"text": "it is green", "nickname": "ci"})
        assert answer.status == 200, answer
        said = answer.body["message"]
        assert (said["text"], said["nickname"], said["bot"]) == ("it is green", "ci", True)
        for kind, body in {
            "text/plain": "in plain text",
            "text/plain; charset=utf-8": "grün",
            "application/x-www-form-urlencoded": urlencode({"text": "by a form"}),
            "application/json; charset=utf-8": '{"text": "by JSON"}',
            "application/vnd.x+json": '{"text": "by other JSON"}',
        }.items():
            answer = await post(script, made["secret"], body.encode(), Content_Type=kind)
            assert (answer.status, answer.body["message"]["nickname"]) == (200, "builds"), answer
        said_all = ["it is green", "in plain text", "grün", "by a form", "by JSON", "by other JSON"]
        assert await owner.hears_texts("lobby", 6) == said_all
        listed = (await owner.ask("hooks", {"room": "lobby"}))["hooks"]
        assert [(one["id"], one["nickname"]) for one in listed] == [(made["id"], "builds")]
        assert made["secret"] not in json.dumps(listed)
        assert (await owner.ask("bot", {"room": "lobby"}))["bots"] == [], "a hook is in the list of hooks"


async def test_what_is_sent_again_is_said_once(server: Running) -> None:
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script:
        await owner.join("lobby")
        secret = (await hook_of(owner))["secret"]
        for header in ("Idempotency-Key", "webhook-id", "X-Gitlab-Event-UUID"):
            key = f"the key {header}, of any shape: ü"
            for _ in range(2):
                answer = await post(script, secret, {"text": header}, **{header: key})
                assert answer.body["message"]["text"] == header, answer
        assert (
            await post(script, secret, {"text": "other"}, webhook_id="the key webhook-id, of any shape: ü")
        ).status == 409
        assert len((await owner.ask("history", {"room": "lobby"}))["messages"]) == 3


async def test_bad_input_is_refused_with_an_object_and_nothing_is_said(server: Running) -> None:
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script:
        await owner.join("lobby")
        secret = (await hook_of(owner))["secret"]
        deep = b'{"blocks":' + b'[{"elements":' * 400 + b"1" + b"}]" * 400 + b"}"
        for body, kind, status in (
            (b"{", "application/json", 400),
            (b"", "application/json", 400),
            (b"null", "application/json", 400),
            (b"[]", "application/json", 400),
            (b'{"text": 5}', "application/json", 400),
            (b'{"text": ""}', "application/json", 400),
            (b'{"text": "a\\u0000b"}', "application/json", 400),
            (b'{"text": "x", "nickname": 5}', "application/json", 400),
            (b'{"text": "' + b"x" * (LIMITS.text + 1) + b'"}', "application/json", 413),
            (b'{"content": null}', "application/json", 400),
            (b'{"attachments": {}}', "application/json", 400),
            (b'{"alerts": [1, null, "x"]}', "application/json", 400),
            (b'{"unknown": "shape"}', "application/json", 400),
            (deep, "application/json", 400),
            (b"\xff\xfe", "text/plain", 400),
            (b"   ", "text/plain", 400),
            (b"payload=%7B", "application/x-www-form-urlencoded", 400),
            (b"text=%00", "application/x-www-form-urlencoded", 400),
            (b"&".join(b"a=b" for _ in range(2000)), "application/x-www-form-urlencoded", 400),
            (b"<x/>", "application/xml", 415),
            (b"x" * 2_000_000, "text/plain", 413),
        ):
            answer = await post(script, secret, body, Content_Type=kind)
            assert answer.status == status, (body[:40], answer)
            assert not answer.body["ok"] and answer.body["text"] and answer.body["error"] in ERRORS, answer
        for method in ("GET", "HEAD", "PUT"):
            assert (await script.send(method, f"/hooks/{secret}")).status == 405
        assert (await owner.ask("history", {"room": "lobby"}))["messages"] == []


async def test_a_hook_bears_nobodys_name(server: Running) -> None:
    async with Talker(server.url, "owner") as owner, Talker(server.url, "Alice"), Asker(server.url) as script:
        await owner.join("lobby")
        secret = (await hook_of(owner))["secret"]
        for wish in ("alice", "ALICE", "owner", "everyone", "\u200b", "x" * 500, "Parlor"):
            answer = await post(script, secret, {"text": f"as {wish}"[:50], "nickname": wish})
            assert answer.body["message"]["nickname"] == "hook", (wish, answer)
        second = await hook_of(owner)
        assert second["nickname"] != "hook"
        assert (await owner.ask("hook", {"room": "lobby", "nickname": "Alice"}))["error"] == "nickname_taken"


async def test_a_hook_that_is_removed_or_never_was_is_404(start_server: Start) -> None:
    server = await start_server(trust_proxies=1, address_handshakes=3)
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script:
        await owner.join("lobby")
        made = await hook_of(owner)
        assert (await owner.ask("hook", {"room": "kitchen", "remove": made["id"]}))["error"] == "not_member"
        assert (await owner.ask("hook", {"room": "lobby", "remove": made["id"]}))["ok"]
        for secret in (made["secret"], "x", "%00", "x" * 2000):
            refused = await post(script, secret, {"text": "x"})
            assert (refused.status, refused.body["error"]) == (404, "no_such_hook")
        assert (await owner.ask("hook", {"room": "lobby", "remove": made["id"]}))["error"] == "no_such_hook"
        entries = (await owner.ask("audit", {"room": "lobby"}))["entries"]
        assert [one["what"] for one in entries] == ["unhook", "hook"]
        statuses = [
            (await post(script, "guess", {"text": "x"}, X_Forwarded_For="198.51.100.7")).status for _ in range(5)
        ]
        assert statuses == [404, 404, 404, 429, 429], "nobody guesses many secrets"


async def test_a_hook_has_a_rate_and_is_let_into_a_closed_room_until_it_is_banned(start_server: Start) -> None:
    server = await start_server(rate_limit=3)
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script:
        await owner.join("lobby")
        secret = (await hook_of(owner))["secret"]
        await owner.ask("settings", {"room": "lobby", "locked": True, "slow": 60})
        answers = [await post(script, secret, {"text": "the same"}) for n in range(40)]
        assert [one.status for one in answers[:10]] == [200] * 10
        assert (answers[-1].status, answers[-1].body["error"]) == (429, "too_fast")
        assert int(answers[-1].headers["Retry-After"]) >= 1
        author = answers[0].body["message"]["author"]
        other = (await hook_of(owner))["secret"]
        assert (await post(script, other, {"text": "of another hook"})).status == 200
        assert (await owner.ask("ban", {"room": "lobby", "person": author}))["ok"]
        banned = await script.send("POST", f"/hooks/{secret}", json={"text": "x"})
        assert banned.status in (403, 429)


async def test_the_secret_of_a_hook_is_in_no_log_and_the_rooms_log_marks_what_bots_say(
    start_server: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(access_log=True)
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script:
        await owner.join("lobby")
        secret = (await hook_of(owner, nickname="builds"))["secret"]
        with caplog.at_level("INFO"):
            await post(script, secret, {"text": "x"})
            await script.send("POST", f"/hooks/{secret}/more")
            async with script._http.get(f"{server.url}/r/lobby/log") as page:
                assert '<b dir="auto">builds</b> <span class="entry-note">bot</span>' in await page.text()
        assert secret not in caplog.text and "/hooks/-" in caplog.text


async def test_owners_alone_have_hooks(server: Running) -> None:
    async with Talker(server.url, "owner") as owner, Talker(server.url, "member") as member:
        await owner.join("lobby")
        await member.join("lobby")
        for verb in ("hook", "hooks"):
            assert (await member.ask(verb, {"room": "lobby"}))["error"] == "not_allowed"
        made = await hook_of(owner)
        for payload in ({"remove": made["id"], "nickname": "x"}, {"remove": "x"}, {"url": 5}, {"nickname": "\u200b"}):
            assert not (await owner.ask("hook", {"room": "lobby"} | payload))["ok"]


GITHUB = {"repository": {"full_name": "ann/tool"}, "sender": {"login": "ann"}}
COMMIT = {"id": "0123456789", "message": "Mend it\n\nLong story."}
ISSUE = {"number": 7, "title": "It is slow", "html_url": "https://github.example/7"}
SEEN: tuple[tuple[str, dict[str, str], Any, str, str | None], ...] = (
    (
        "Slack",
        {},
        {"text": "<https://a.example|a &amp; b> <!here>", "username": "ci"},
        "a & b https://a.example @here",
        "ci",
    ),
    (
        "Slack attachments",
        {},
        {
            "attachments": [
                {"title": "Build 5", "title_link": "https://a.example", "fields": [{"title": "by", "value": "ann"}]}
            ]
        },
        "Build 5 https://a.example\nby: ann",
        None,
    ),
    ("Slack fallback", {}, {"attachments": [{"fallback": "in short"}]}, "in short", None),
    (
        "Slack blocks",
        {},
        {"text": "in short", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*at length*"}}]},
        "in short\n*at length*",
        None,
    ),
    (
        "Discord",
        {},
        {"content": "hi", "username": "bot", "embeds": [{"title": "T", "description": "D"}]},
        "hi\nT\nD",
        "bot",
    ),
    ("GitHub ping", {"X-GitHub-Event": "ping"}, GITHUB | {"zen": "x"}, "", None),
    (
        "GitHub push",
        {"X-GitHub-Event": "push"},
        GITHUB
        | {"ref": "refs/heads/main", "commits": [COMMIT], "compare": "https://c.example", "pusher": {"name": "ann"}},
        "ann pushed 1 commit to main of ann/tool https://c.example\n0123456 · Mend it",
        "GitHub",
    ),
    (
        "GitHub issue",
        {"X-GitHub-Event": "issues"},
        GITHUB | {"action": "opened", "issue": ISSUE},
        "ann opened issue #7 It is slow of ann/tool\nhttps://github.example/7",
        "GitHub",
    ),
    ("GitHub label", {"X-GitHub-Event": "issues"}, GITHUB | {"action": "labeled", "issue": ISSUE}, "", None),
    (
        "GitHub merge",
        {"X-GitHub-Event": "pull_request"},
        GITHUB | {"action": "closed", "pull_request": ISSUE | {"merged": True}},
        "ann merged pull request #7 It is slow of ann/tool\nhttps://github.example/7",
        "GitHub",
    ),
    (
        "GitHub workflow",
        {"X-GitHub-Event": "workflow_run"},
        GITHUB
        | {"action": "completed", "workflow_run": {"name": "CI", "conclusion": "failure", "head_branch": "main"}},
        "❌ CI on main of ann/tool: failure",
        "GitHub",
    ),
    (
        "GitHub release",
        {"X-GitHub-Event": "release"},
        GITHUB | {"action": "published", "release": {"tag_name": "v1", "html_url": "https://r.example"}},
        "ann published release v1 of ann/tool\nhttps://r.example",
        "GitHub",
    ),
    (
        "GitLab push",
        {"X-Gitlab-Event": "Push Hook"},
        {
            "object_kind": "push",
            "user_name": "ann",
            "ref": "refs/heads/main",
            "commits": [COMMIT],
            "project": {"path_with_namespace": "a/t"},
        },
        "ann pushed 1 commit to main of a/t\n0123456 · Mend it",
        "GitLab",
    ),
    (
        "GitLab pipeline",
        {"X-Gitlab-Event": "Pipeline Hook"},
        {
            "object_kind": "pipeline",
            "object_attributes": {"status": "failed", "ref": "main"},
            "project": {"path_with_namespace": "a/t"},
        },
        "❌ Pipeline on main of a/t: failed",
        "GitLab",
    ),
    (
        "GitLab merge request",
        {"X-Gitlab-Event": "Merge Request Hook"},
        {
            "object_kind": "merge_request",
            "user": {"name": "ann"},
            "project": {"path_with_namespace": "a/t"},
            "object_attributes": {"action": "merge", "iid": 3, "title": "Mend it", "url": "https://m.example"},
        },
        "ann merged merge request !3 Mend it of a/t\nhttps://m.example",
        "GitLab",
    ),
    (
        "Alertmanager",
        {},
        {
            "version": "4",
            "alerts": [
                {
                    "status": "firing",
                    "labels": {"alertname": "Down", "instance": "db:1"},
                    "annotations": {"summary": "no answer"},
                }
            ],
        },
        "🔥 firing: Down (db:1) · no answer",
        "Alertmanager",
    ),
    (
        "Grafana",
        {},
        {"orgId": 1, "title": "x", "alerts": [{"status": "resolved", "labels": {"alertname": "Hot"}}]},
        "✅ resolved: Hot",
        "Grafana",
    ),
    (
        "Grafana before 9",
        {},
        {"title": "[Alerting] Hot", "ruleName": "Hot", "state": "alerting", "message": "m"},
        "🔥 [Alerting] Hot\nm",
        "Grafana",
    ),
    (
        "Uptime Kuma",
        {},
        {"heartbeat": {"status": 0}, "monitor": {"name": "web"}, "msg": "[web] [Down] x"},
        "🔥 [web] [Down] x",
        "Uptime Kuma",
    ),
    (
        "Sentry",
        {},
        {
            "action": "created",
            "actor": {},
            "data": {"issue": {"title": "KeyError", "web_url": "https://s.example", "project": {"slug": "web"}}},
        },
        "🐞 web: KeyError (created)\nhttps://s.example",
        "Sentry",
    ),
)


@pytest.mark.parametrize(
    ("headers", "body", "text", "nickname"), [one[1:] for one in SEEN], ids=[one[0] for one in SEEN]
)
def test_what_the_usual_systems_send_is_read(
    headers: dict[str, str], body: Any, text: str, nickname: str | None
) -> None:
    said = hook_shapes.read(headers, body)
    assert (said.text if said else "", said.nickname if said else None) == (text, nickname)


async def test_github_may_send_a_form_and_is_said_once(server: Running) -> None:
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script:
        await owner.join("lobby")
        secret = (await hook_of(owner))["secret"]
        body = {"payload": json.dumps(GITHUB | {"action": "opened", "issue": ISSUE})}
        for event, status in (("ping", 200), ("issues", 200), ("issues", 200), ("watch", 200)):
            headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
            assert (await script.send("POST", f"/hooks/{secret}", headers, data=body)).status == status
        said = (await owner.ask("history", {"room": "lobby"}))["messages"]
        assert [(one["nickname"], one["text"].split("\n")[0]) for one in said] == [
            ("GitHub", "ann opened issue #7 It is slow of ann/tool")
        ]


NONSENSE: tuple[Any, ...] = (
    None,
    5,
    -1.5,
    True,
    "",
    "x",
    "\0",
    [],
    [None],
    [[]],
    {},
    {"text": []},
    {"a": {"b": []}},
    "x" * 9000,
)


@pytest.mark.parametrize("name", [one[0] for one in SEEN])
def test_a_shape_with_nonsense_in_any_place_ends_in_words_or_a_refusal(name: str) -> None:
    headers, body = next((one[1], one[2]) for one in SEEN if one[0] == name)

    def spoilt(value: Any) -> Any:
        """The value with each of its places, one after the other, filled with each nonsense."""
        yield from NONSENSE
        if isinstance(value, dict):
            for key in value:
                yield from ({**value, key: bad} for bad in spoilt(value[key]))
                yield {other: value[other] for other in value if other != key}
        elif isinstance(value, list):
            for n in range(len(value)):
                yield from ([*value[:n], bad, *value[n + 1 :]] for bad in spoilt(value[n]))

    for bad in spoilt(body):
        try:
            said = hook_shapes.read(headers, bad)
        except hook_shapes.Refused as refusal:
            assert refusal.code == "bad_payload"
        else:
            assert said is None or (isinstance(said.text, str) and isinstance(said.nickname, str | None))
