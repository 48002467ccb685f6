"""Settings: where they come from, and the sentence that stops a bad start."""

import pytest

from app.config import BadSetting, injected, load


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    settings, origin = load({"port": "9000"}, {"PORT": "7000", "PARLOR_SITE": "Club"})
    assert (settings.port, settings.site, settings.host) == (9000, "Club", "0.0.0.0")
    assert (origin["port"], origin["site"], origin["host"]) == ("--port", "PARLOR_SITE", "default")


def test_the_hosts_own_names_are_understood() -> None:
    settings, origin = load({}, {"HTTP_PLATFORM_PORT": "7001", "BIND_ADDRESS": "127.0.0.1"})
    assert (settings.port, settings.host) == (7001, "127.0.0.1")
    assert (origin["port"], origin["host"]) == ("HTTP_PLATFORM_PORT", "BIND_ADDRESS")


def test_an_empty_variable_is_none_at_all() -> None:
    assert load({}, {"PORT": "", "DATABASE_URL": ""})[0].port == 8000


@pytest.mark.parametrize(
    ("given", "transports"),
    [
        ("websocket,polling", ("websocket", "polling")),
        ("polling", ("polling",)),
        (" websocket ", ("websocket",)),
        ("polling, websocket", ("polling", "websocket")),
    ],
)
def test_transports_are_a_list_in_order(given: str, transports: tuple[str, ...]) -> None:
    assert load({}, {"PARLOR_TRANSPORTS": given})[0].transports == transports


@pytest.mark.parametrize(("plan", "most"), [("free", 5), ("shared", 35), ("basic", 350), ("7", 7)])
def test_the_most_websockets_may_be_the_name_of_a_plan(plan: str, most: int) -> None:
    assert load({}, {"PARLOR_MAX_WEBSOCKETS": plan})[0].max_websockets == most


@pytest.mark.parametrize("count", ["auto", "0", "252", "-1", "2.5", ""])
def test_how_many_workers_a_host_counts_refuses_no_start(count: str) -> None:
    environment = {"WEB_CONCURRENCY": count, "REDIS_URL": "redis://host"}
    assert load({}, environment)[0].workers == 1
    assert injected(environment) == (["WEB_CONCURRENCY"] if count else [])
    assert load({}, environment | {"WEB_CONCURRENCY": " 4\n"})[0].workers == 4


def test_bytes_that_are_no_text_are_refused() -> None:
    for name in ("PARLOR_DATA", "PARLOR_SITE", "PARLOR_WELCOME", "PARLOR_SECRET", "REDIS_URL"):
        with pytest.raises(BadSetting, match=f"^{name} is no text in UTF-8."):
            load({}, {name: "caf\udce9"})


AS_PEOPLE_WRITE: list[tuple[dict[str, str], str, object]] = [
    ({"PARLOR_LOG_LEVEL": "INFO"}, "log_level", "info"),
    ({"PARLOR_LOG_LEVEL": " Warn\n"}, "log_level", "warning"),
    ({"PARLOR_LOG_FORMAT": "JSON"}, "log_format", "json"),
    ({"PARLOR_LOOP": "AsyncIO"}, "loop", "asyncio"),
    ({"PARLOR_TRANSPORTS": "WebSocket, Polling"}, "transports", ("websocket", "polling")),
    ({"PARLOR_PREVIEWS": "TRUE"}, "previews", "on"),
    ({"PARLOR_PUSH": "0"}, "push", "off"),
    ({"PARLOR_LANGUAGE": "de_DE.UTF-8"}, "language", "de"),
    ({"PARLOR_LANGUAGE": "fr-CA"}, "language", "fr"),
    ({"PARLOR_MAX_WEBSOCKETS": "Free"}, "max_websockets", 5),
    ({"PARLOR_MAX_PER_ADDRESS": "OFF"}, "max_per_address", 0),
    ({"PARLOR_PERSON_BYTES": " Off "}, "person_bytes", None),
    ({"PARLOR_FILES": " OFF"}, "files", "off"),
    ({"PARLOR_FILES": "S3://Bucket/Folder"}, "files", "s3://Bucket/Folder"),
    ({"PARLOR_COLOUR": " #0f6f67\n"}, "colour", "#0f6f67"),
    ({"PARLOR_SITE": " Book\n Club "}, "site", "Book Club"),
    ({"PARLOR_SITE": " "}, "site", "Parlor"),
    ({"PARLOR_SITE": "👩\u200d💻"}, "site", "👩\u200d💻"),
    ({"PARLOR_IMPRINT": "HTTPS://a.example/Imprint\n"}, "imprint", "https://a.example/Imprint"),
    ({"PARLOR_PUSH_CONTACT": "MAILTO:a@b.example"}, "push_contact", "mailto:a@b.example"),
    ({"DATABASE_URL": "postgres://u:p@h/d\n"}, "database_url", "postgres://u:p@h/d"),
    ({"DATABASE_URL": "postgresql+psycopg2://u:p@h/d"}, "database_url", "postgresql://u:p@h/d"),
    ({"PORT": " 8000\n"}, "port", 8000),
    ({"HOST": " [::1] , 127.0.0.1"}, "addresses", ("::1", "127.0.0.1")),
    ({"PARLOR_ORIGINS": "NULL"}, "origins", ("null",)),
    ({"PARLOR_ORIGINS": "https://[::FFFF:1.2.3.4]:443"}, "origins", ("https://[::ffff:102:304]",)),
    ({"PARLOR_ORIGINS": "https://1.2.3.4"}, "origins", ("https://1.2.3.4",)),
    ({"PARLOR_ORIGINS": "https://*.💩.la"}, "origins", ("https://*.xn--ls8h.la",)),
    ({"PARLOR_ORIGINS": "vscode-webview://123"}, "origins", ("vscode-webview://123",)),
    ({"PARLOR_HOSTS": "Faß.DE.:8443"}, "hosts", ("xn--fa-hia.de:8443",)),
]


@pytest.mark.parametrize(
    ("environment", "name", "value"), AS_PEOPLE_WRITE, ids=[f"{n}" for n in range(len(AS_PEOPLE_WRITE))]
)
def test_settings_as_people_and_files_write_them(environment: dict[str, str], name: str, value: object) -> None:
    assert getattr(load({}, environment)[0], name) == value


def test_a_line_s_end_is_no_part_of_a_secret_and_blanks_are() -> None:
    settings, _ = load({}, {"PARLOR_OPERATOR_PASSWORD": " open sesame, please \r\n", "REDIS_URL": "redis://host\n"})
    assert settings.operator_password.get_secret_value() == " open sesame, please "
    assert settings.redis_url.get_secret_value() == "redis://host"


@pytest.mark.parametrize("off", ["off", "none", "0"])
def test_the_rate_limit_can_be_switched_off(off: str) -> None:
    assert load({"rate_limit": off}, {})[0].rate_limit is None


BAD = [
    ({"PARLOR_TRANSPORTS": "polling,carrier-pigeon"}, "PARLOR_TRANSPORTS = 'polling,carrier-pigeon' cannot be used"),
    ({"PARLOR_TRANSPORTS": "polling,polling"}, "PARLOR_TRANSPORTS = 'polling,polling' cannot be used"),
    ({"PARLOR_TRANSPORTS": ","}, "PARLOR_TRANSPORTS = ',' cannot be used"),
    ({"PORT": "http"}, "PORT = 'http' cannot be used"),
    ({"PORT": "70000"}, "PORT = '70000' cannot be used"),
    ({"PARLOR_PING_INTERVAL": "nan"}, "PARLOR_PING_INTERVAL = 'nan' cannot be used"),
    ({"PARLOR_PING_TIMEOUT": "-1"}, "PARLOR_PING_TIMEOUT = '-1' cannot be used"),
    ({"PARLOR_ORIGINS": "chat.example.org"}, "PARLOR_ORIGINS = 'chat.example.org' cannot be used"),
    ({"PARLOR_ORIGINS": "https://a.example/path"}, "PARLOR_ORIGINS = 'https://a.example/path' cannot be used"),
    ({"PARLOR_NICKNAME_HOLD": "inf"}, "PARLOR_NICKNAME_HOLD = 'inf' cannot be used"),
    ({"PARLOR_RATE_LIMIT": "0.1"}, "PARLOR_RATE_LIMIT = '0.1' cannot be used"),
    ({"PARLOR_FORCE_HTTPS": "true"}, "PARLOR_FORCE_HTTPS needs PARLOR_TRUST_PROXIES"),
    ({"PARLOR_TRANSPORT": "polling"}, "PARLOR_TRANSPORT is no setting of Parlor"),
    ({"PARLOR_PORTS": "80"}, "PARLOR_PORTS is no setting of Parlor. Is PORT meant?"),
    ({"PARLOR_PORT": "80"}, "PARLOR_PORT is no setting of Parlor. Is PORT meant?"),
    ({"PARLOR_TRUST_PROXY": "1"}, "PARLOR_TRUST_PROXY is no setting of Parlor. Is PARLOR_TRUST_PROXIES meant?"),
    ({"PARLOR_transports": "polling"}, "PARLOR_transports is no setting of Parlor. Is PARLOR_TRANSPORTS meant?"),
    ({"PARLOR_XYZZY": "1"}, "PARLOR_XYZZY is no setting of Parlor. `python -m app check-config`"),
    ({"PARLOR_ORIGINS": "*.example.org"}, "PARLOR_ORIGINS = '*.example.org' cannot be used"),
    ({"PARLOR_ORIGINS": "https://"}, "PARLOR_ORIGINS = 'https://' cannot be used"),
    ({"PARLOR_ORIGINS": "https://*"}, "PARLOR_ORIGINS = 'https://*' cannot be used"),
    ({"PARLOR_ORIGINS": "https://a.*.org"}, "PARLOR_ORIGINS = 'https://a.*.org' cannot be used"),
    ({"PARLOR_ORIGINS": "https://a:99999"}, "PARLOR_ORIGINS = 'https://a:99999' cannot be used"),
    ({"PARLOR_ORIGINS": "https://u@a.example"}, "PARLOR_ORIGINS = 'https://u@a.example' cannot be used"),
    ({"PARLOR_ORIGINS": "https://[::x]"}, "PARLOR_ORIGINS = 'https://[::x]' cannot be used"),
    ({"PARLOR_ORIGINS": "wss://a.example"}, "PARLOR_ORIGINS = 'wss://a.example' cannot be used"),
    *(
        ({"PARLOR_ORIGINS": f"https://{host}"}, f"PARLOR_ORIGINS = 'https://{host}' cannot be used")
        for host in ("1.2.3", "127.1", "010.0.0.1", "256.1.1.1", "2130706433", "0x7f.1", "*.2.3.4", "[fe80::1%eth0]")
    ),
    (
        {"PARLOR_ORIGINS": "https://a.example;https://b.example"},
        "PARLOR_ORIGINS = 'https://a.example;https://b.example'",
    ),
    ({"PARLOR_SITE": "\u200b"}, "PARLOR_SITE = '\\u200b' cannot be used: a name can be seen"),
    ({"PARLOR_SITE": "\u3164 \u2800"}, "PARLOR_SITE = '\u3164 \u2800' cannot be used: a name can be seen"),
    ({"PARLOR_SITE": "a\x1b[31mb"}, "PARLOR_SITE = 'a\\x1b[31mb' cannot be used: a name can be seen"),
    ({"PARLOR_SITE": "a\u202eb"}, "PARLOR_SITE = 'a\\u202eb' cannot be used: a name can be seen"),
    ({"PARLOR_IMPRINT": "/\\evil.example"}, "PARLOR_IMPRINT = '/\\\\evil.example' cannot be used"),
    ({"PARLOR_IMPRINT": "https://a.example/\u202ex"}, "PARLOR_IMPRINT = 'https://a.example/\\u202ex' cannot be used"),
    ({"HOST": "0.0.0.0:8000"}, "HOST = '0.0.0.0:8000' cannot be used: an address has no port here; that is PORT"),
    ({"HOST": "127.0.0.1,[::1]:80"}, "HOST = '127.0.0.1,[::1]:80' cannot be used: an address has no port here"),
    ({"HOST": "*"}, "HOST = '*' cannot be used: an address is like 0.0.0.0, ::1 or localhost"),
    ({"PARLOR_KEEP_DAYS": "1e9"}, "PARLOR_KEEP_DAYS = '1e9' cannot be used"),
    ({"DATABASE_URL": "host=h dbname=d"}, "DATABASE_URL names no database"),
    ({"PARLOR_HOSTS": "https://a.example"}, "PARLOR_HOSTS = 'https://a.example' cannot be used"),
    ({"PARLOR_HOSTS": "a.example/x"}, "PARLOR_HOSTS = 'a.example/x' cannot be used"),
    ({"PARLOR_BASE_PATH": "/a b"}, "PARLOR_BASE_PATH = '/a b' cannot be used"),
    ({"PARLOR_BASE_PATH": "/a/../b"}, "PARLOR_BASE_PATH = '/a/../b' cannot be used"),
    ({"PARLOR_BASE_PATH": "https://a.example/chat"}, "PARLOR_BASE_PATH = 'https://a.example/chat' cannot be used"),
    ({"PARLOR_EMBED": "null"}, "PARLOR_EMBED = 'null' cannot be used"),
    ({"PARLOR_EMBED": "www.example.org"}, "PARLOR_EMBED = 'www.example.org' cannot be used"),
    ({"PARLOR_HSTS": "-1"}, "PARLOR_HSTS = '-1' cannot be used"),
    ({"PARLOR_HSTS": "86400"}, "PARLOR_HSTS needs PARLOR_TRUST_PROXIES"),
    ({"HOST": "127.0.0.1,,::1"}, "HOST = '127.0.0.1,,::1' cannot be used"),
    ({"DATABASE_URL": "mysql://db"}, "DATABASE_URL names a mysql database"),
]

SERVICE = {
    "SERVICE_HOST": "10.0.0.7",
    "SERVICE_PORT": "80",
    "SERVICE_PORT_HTTP": "80",
    "SERVICE_PORT_METRICS_V2": "9090",
    "PORT": "tcp://10.0.0.7:80",
    "PORT_80_TCP": "tcp://10.0.0.7:80",
    "PORT_80_TCP_PROTO": "tcp",
    "PORT_80_TCP_PORT": "80",
    "PORT_80_TCP_ADDR": "10.0.0.7",
    "PORT_53_UDP": "udp://10.0.0.7:53",
    "PORT_53_UDP_ADDR": "10.0.0.7",
    "PORT_9_SCTP_PROTO": "sctp",
    "PORT_8000_TCP_START": "tcp://172.17.0.5:8000",  # from here on of Docker, which names what it links
    "PORT_8000_TCP_PORT_END": "8010",
    "PORT_START": "tcp://172.17.0.5:8000",
    "NAME": "/web/parlor",
    "ENV_PYTHON_VERSION": "3.13.0",
}


@pytest.mark.parametrize("service", ["PARLOR", "PARLOR_WEB", "PARLOR_2"])
def test_what_hosts_tell_of_a_service_called_like_us_is_passed_over(service: str) -> None:
    environment = {f"{service}_{name}": value for name, value in SERVICE.items()}
    assert load({}, environment)[0].port == 8000
    assert injected(environment) == sorted(environment)


def test_a_listed_origin_may_be_written_with_the_dot_of_the_root() -> None:
    wanted = "https://chat.example.org.,https://*.example.org.:8443"
    assert load({}, {"PARLOR_ORIGINS": wanted})[0].origins == ("https://chat.example.org", "https://*.example.org:8443")


@pytest.mark.parametrize(
    ("given", "base"), [("/chat", "/chat"), ("chat/", "/chat"), ("/a/b_c.d~e", "/a/b_c.d~e"), ("/", "")]
)
def test_a_base_path_is_written_in_one_way(given: str, base: str) -> None:
    assert load({}, {"PARLOR_BASE_PATH": given})[0].base_path == base


@pytest.mark.parametrize(("environment", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_a_bad_setting_is_named_in_one_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadSetting) as problem:
        load({}, environment)
    assert str(problem.value).startswith(sentence)
    assert "\n" not in str(problem.value)


def test_a_secret_is_never_shown() -> None:
    settings, _ = load({}, {"PARLOR_SECRET": "hunter2"})
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://:secret@host",
        "redis://",
        "redis://:secret@host:port",
        "redis://:se/cret@host",
        "secret",
    ],
)
def test_an_address_of_redis_that_is_none_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(BadSetting) as refused:
        load({}, {"REDIS_URL": url})
    assert str(refused.value).startswith("REDIS_URL cannot be used: ") and "cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "redis://host", "rediss://u:p%2F@host:1/3", "valkey://host/0", "unix:///run/redis.sock"]
)
def test_addresses_of_redis(url: str) -> None:
    assert load({}, {"REDIS_URL": url})[0].redis_url.get_secret_value() == url


def test_the_names_that_clients_read_are_no_mistake() -> None:
    """Whoever runs a server may talk from the same machine."""
    load({}, {"PARLOR_TOKEN": "secret", "PARLOR_PASSPHRASE": "open sesame"})
    with pytest.raises(BadSetting, match="PARLOR_TOKENS"):
        load({}, {"PARLOR_TOKENS": "secret"})
