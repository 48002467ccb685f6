"""From where a connection comes, as limits count it."""

import pytest

from app.config import Settings
from app.engineio.request import Request
from app.routes import edge_of, network_of


@pytest.mark.parametrize(
    ("proxies", "peer", "told", "network"),
    [
        (0, "127.0.0.1", "", ""),
        (0, "10.1.2.3", "203.0.113.9", ""),
        (0, "8.8.8.8", "", "8.8.8.8"),
        (0, "8.8.8.8", "9.9.9.9", "8.8.8.8"),
        (0, "2a01:4f8:1:2:3:4:5:6", "", "2a01:4f8:1:2::/64"),
        (1, "10.1.2.3", "203.0.113.9", "203.0.113.9"),
        (1, "10.1.2.3", "192.168.7.7", "192.168.7.7"),
        (1, "10.1.2.3", "2a01:4f8:1:2:3:4:5:6", "2a01:4f8:1:2::/64"),
        (1, "10.1.2.3", "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "10.1.2.3", "6.6.6.6, 203.0.113.9:4711", "203.0.113.9"),
        (2, "10.1.2.3", "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (1, "10.1.2.3", "", ""),
        (1, "10.1.2.3", "unknown", ""),
    ],
)
def test_an_address_counts_where_it_is_known_for_certain(proxies: int, peer: str, told: str, network: str) -> None:
    request = Request("GET", b"/socket.io/", peer=peer)
    if told:
        request.add(b"X-Forwarded-For", told.encode())
    assert network_of(edge_of(Settings(trust_proxies=proxies)), request) == network
