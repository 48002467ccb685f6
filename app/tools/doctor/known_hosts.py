"""Hosts and proxies that are recognised by the headers of their answers, and how to mend each problem on them.

Problems: `upgrade` (WebSocket handshakes do not get through), `limit` (too many WebSockets), `down` (the proxy does not
reach the process), `sticky` (requests of one session reach several processes), `processes`, `idle` (silent connections
are cut), `https` (pages by plain http), `forwarded` (the server does not know how it is reached), `cache`, `deflate`,
`certificate`, `buffer` (what passes is held back), `firewall`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Headers = dict[str, str]


@dataclass(frozen=True)
class Host:
    """A host or proxy. `shown(headers, cookies)`: True where an answer came through it."""

    name: str
    shown: Callable[[Headers, str], bool] = field(repr=False)
    mends: dict[str, str] = field(repr=False, hash=False, default_factory=dict)


def recognise(headers: Headers, cookies: str) -> list[Host]:
    """The hosts that an answer came through, the outermost first: CDN, platform, web server."""
    return [host for host in HOSTS if host.shown(headers, cookies)]


def _has(*names: str) -> Callable[[Headers, str], bool]:
    return lambda headers, _: any(name in headers for name in names)


def _says(name: str, pattern: str) -> Callable[[Headers, str], bool]:
    return lambda headers, _: bool(re.search(pattern, headers.get(name, ""), re.IGNORECASE))


def _azure(headers: Headers, cookies: str) -> bool:
    return "ARRAffinity" in cookies or any(name.startswith(("x-ms-", "x-appservice")) for name in headers)


def _iis(headers: Headers, cookies: str) -> bool:
    own = "microsoft-iis" in headers.get("server", "").lower() or "asp.net" in headers.get("x-powered-by", "").lower()
    return own and not _azure(headers, cookies)


def _railway(headers: Headers, _: str) -> bool:
    return "railway" in headers.get("server", "").lower() or any(name.startswith("x-railway-") for name in headers)


def _balancer(headers: Headers, cookies: str) -> bool:
    return "AWSALB" in cookies or "awselb" in headers.get("server", "").lower()


NGINX_UPGRADE = (
    "`proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "
    "$parlor_connection;` in the location, and the `map` of docs/hosts.md before the server"
)

HOSTS = (
    Host(
        "Cloudflare",
        lambda headers, _: "cf-ray" in headers or headers.get("server", "").lower() == "cloudflare",
        {
            "upgrade": "switch on Network > WebSockets.",
            "firewall": "Security > WAF: a rule that skips challenges for /socket.io/ and /ws/.",
            "https": "switch on SSL/TLS > Edge Certificates > Always Use HTTPS.",
            "circle": "SSL/TLS > Overview: Full (strict) in place of Flexible, for Flexible asks the server by http.",
            "cache": "Caching > Cache Rules: bypass for paths that start with /socket.io/, and no `cache everything`.",
            "down": "5xx pages with a cf-ray come from Cloudflare: see that the origin runs and lets Cloudflare in.",
        },
    ),
    Host(
        "Azure Front Door",
        _has("x-azure-ref"),
        {
            "sticky": "switch on session affinity in the origin group.",
            "cache": "switch caching off in the route.",
            "upgrade": "WebSockets pass in the Standard and Premium tiers only.",
            "idle": "it cuts after 4 h at most whatever happens; the page comes back by itself.",
        },
    ),
    Host("CloudFront", _has("x-amz-cf-id"), {"cache": "CachePolicy CachingDisabled for /socket.io/*."}),
    Host("Varnish or Fastly", _has("x-varnish"), {"upgrade": "`return (pipe)` where Upgrade is websocket (VCL)."}),
    Host(
        "AWS load balancer",
        _balancer,
        {"sticky": "switch on stickiness in the target group.", "idle": "raise idle_timeout.timeout_seconds."},
    ),
    Host(
        "Heroku",
        lambda headers, _: bool(re.search(r"vegur|heroku", headers.get("via", "") + headers.get("server", ""))),
        {
            "sticky": "`heroku ps:scale web=1`, or `heroku features:enable http-session-affinity`.",
            "processes": "`heroku ps:scale web=1`.",
            "forwarded": "`heroku config:set PARLOR_TRUST_PROXIES=1`.",
            "https": "`heroku config:set PARLOR_TRUST_PROXIES=1 PARLOR_FORCE_HTTPS=true`.",
            "idle": "it cuts after 55 s, and 30 s before a first byte: `heroku config:set PARLOR_PING_INTERVAL=20`.",
            "certificate": "`heroku certs:auto:enable`.",
            "down": "`heroku logs --tail` names it (H10: the process crashed; H12: no answer in 30 s).",
        },
    ),
    Host(
        "Azure App Service",
        _azure,
        {
            "upgrade": "`az webapp config set -g GROUP -n NAME --web-sockets-enabled true`.",
            "limit": "the plan's number of WebSockets is used up (Free 5, Shared 35, Basic 350 an instance): a larger "
            "plan, or `az webapp config appsettings set -g GROUP -n NAME --settings PARLOR_MAX_WEBSOCKETS=5`, so "
            "that whoever is one too many talks by polling at once.",
            "sticky": "`az webapp update -g GROUP -n NAME --client-affinity-enabled true`, or one instance.",
            "processes": "`az appservice plan update -g GROUP -n PLAN --number-of-workers 1`.",
            "https": "`az webapp update -g GROUP -n NAME --https-only true`.",
            "forwarded": "`az webapp config appsettings set -g GROUP -n NAME --settings PARLOR_TRUST_PROXIES=1`.",
            "idle": "it cuts after 230 s: PARLOR_PING_INTERVAL=20 as an app setting.",
            "down": "`az webapp log tail -g GROUP -n NAME`; the startup command is `python -m app`.",
        },
    ),
    Host(
        "IIS",
        _iis,
        {
            "upgrade": 'install the Windows feature "WebSocket Protocol" and say `<webSocket enabled="true" />` in '
            "web.config (docs/hosts.md, IIS).",
            "sticky": '`processesPerApplication="1"` in web.config, and 1 as Maximum Worker Processes of the pool.',
            "processes": '`processesPerApplication="1"` in web.config, and 1 as Maximum Worker Processes of the pool.',
            "https": 'say `enabled="true"` at the rule "https" in web.config.',
            "idle": 'raise requestTimeout of httpPlatform in web.config, a whole number of minutes ("00:02:00").',
            "buffer": '`<urlCompression doDynamicCompression="false" />`, and in ARR a response buffer of 0.',
            "down": "logs\\parlor.log beside web.config says why the process did not start.",
        },
    ),
    Host(
        "Railway",
        _railway,
        {
            "sticky": "it has no sticky sessions: Settings > Deploy > Replicas 1.",
            "processes": "Settings > Deploy > Replicas 1.",
            "forwarded": "Variables: PARLOR_TRUST_PROXIES=1.",
            "down": "the process must listen on 0.0.0.0 and $PORT; Deployments > View logs.",
        },
    ),
    Host(
        "Render",
        _has("x-render-origin-server", "rndr-id"),
        {
            "sticky": "it has no sticky sessions: Scaling > 1 instance.",
            "processes": "Scaling > 1 instance.",
            "forwarded": "Environment: PARLOR_TRUST_PROXIES=1.",
            "down": "Logs; the start command is `exec python -m app`.",
        },
    ),
    Host(
        "Fly",
        lambda headers, _: "fly-request-id" in headers or headers.get("server", "").lower().startswith("fly/"),
        {
            "sticky": "`fly scale count 1`.",
            "processes": "`fly scale count 1`.",
            "https": "`force_https = true` in fly.toml.",
            "forwarded": "`fly secrets set PARLOR_TRUST_PROXIES=1`.",
            "limit": "raise hard_limit of [http_service.concurrency] in fly.toml.",
            "down": "`fly logs`; internal_port in fly.toml must be the process's PORT.",
        },
    ),
    Host(
        "nginx",
        _says("server", r"nginx|openresty"),
        {
            "upgrade": NGINX_UPGRADE + ".",
            "sticky": "`ip_hash;` in the upstream, or one process.",
            "idle": "`proxy_read_timeout 75s;` in the location, or more than that.",
            "https": "`return 308 https://$host$request_uri;` in the server that listens on 80.",
            "forwarded": "`proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;`, and "
            "PARLOR_TRUST_PROXIES=1 for Parlor.",
            "cache": "`proxy_cache off;` in the location of /socket.io/.",
            "buffer": "`proxy_buffering off;` in the location of /socket.io/.",
            "firewall": "look for `deny`, `limit_except` or `auth_request` in the location of /socket.io/.",
            "limit": "look at `limit_req`, `limit_conn` and worker_connections.",
            "down": "error.log says why; `proxy_pass` must name the address and port on which Parlor listens.",
        },
    ),
    Host(
        "Apache",
        _says("server", r"^apache"),
        {
            "upgrade": '`ProxyPass "/" "http://127.0.0.1:8000/" upgrade=websocket` (2.4.47 and later).',
            "idle": "raise ProxyTimeout above the heartbeat.",
            "forwarded": '`ProxyPreserveHost On`, `RequestHeader set X-Forwarded-Proto "https"`, '
            "PARLOR_TRUST_PROXIES=1.",
        },
    ),
    Host("Caddy", lambda headers, _: "caddy" in (headers.get("server", "") + headers.get("via", "")).lower()),
)
