"""Settings: where they come from, and the sentence that stops a bad start."""

import pytest

from app.config import BadSetting, load


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
    ({"DATABASE_URL": "mysql://db"}, "DATABASE_URL names a mysql database"),
]


@pytest.mark.parametrize(("environment", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_a_bad_setting_is_named_in_one_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadSetting) as problem:
        load({}, environment)
    assert str(problem.value).startswith(sentence)
    assert "\n" not in str(problem.value)


def test_a_secret_is_never_shown() -> None:
    settings, _ = load({}, {"PARLOR_SECRET": "hunter2"})
    assert "hunter2" not in repr(settings)
