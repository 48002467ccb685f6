"""What is measured: `--only` takes these names. Each yields its rows as they are ready."""

from collections.abc import Callable, Iterator

from tests.bench.row import Row, Sizes
from tests.bench.rows import deliveries, growth, sends, sockets

Measure = Callable[[Sizes], Iterator[Row]]

MEASURES: dict[str, Measure] = {
    "delivery": deliveries.delivery,
    "loaded": deliveries.loaded,
    "clustered": deliveries.clustered,
    "most": deliveries.most,
    "idle": sockets.idle,
    "heartbeat": sockets.heartbeat,
    "polling": deliveries.polling,
    "sends": sends.sends,
    "growth": growth.growth,
    "join": growth.join,
}
