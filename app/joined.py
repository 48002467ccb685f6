"""What joins several processes to one Parlor: Redis, the relay of requests, and rooms that others serve as well."""

import logging
from functools import partial

from aiohttp import web

from app.chat import Chat, access
from app.chat.looking import Looking
from app.config import BadSetting, Settings
from app.live.feed import Feed
from app.live.notified import Notifications, NotifiedBus
from app.live.redis.buckets import RedisBuckets
from app.live.redis.bus import RedisBus
from app.live.redis.carrier import RedisCarrier
from app.live.redis.connection import RedisConnection, Unusable
from app.live.redis.directory import RedisDirectory
from app.live.redis.guesses import RedisGuesses
from app.live.redis.replies import UnfitLibrary
from app.live.relay import Relay
from app.live.relay.carriers import Carrier
from app.live.relay.local import LocalCarrier
from app.socketio import Server
from app.store.database import Database
from app.store.lock import ServingLock
from app.web import ops
from app.web.metrics import METRICS

log = logging.getLogger("parlor")


async def connect_redis(
    settings: Settings, process_id: str, epoch: str, lock: ServingLock, database: Database, required: bool
) -> RedisConnection | None:
    """Raises BadSetting where it cannot be used, if it is required."""
    url = settings.redis_url.get_secret_value()
    if not url:
        return None
    try:
        redis = RedisConnection(
            url, process_id, epoch, settings.secret.get_secret_value(), verify=settings.redis_verify
        )
        await redis.start(required)
    except (Unusable, UnfitLibrary) as error:
        await database.close()
        lock.release()
        end = "" if str(error).endswith("?") else "."
        raise BadSetting(f"REDIS_URL: {error}{end}") from None
    return redis


def relay_of(
    app: web.Application, sockets: Server, beside: LocalCarrier | None, redis: RedisConnection | None
) -> Relay | None:
    """Requests of sessions that other processes have go to those: to other workers directly, to others by Redis."""
    carriers: list[Carrier] = [*([beside] if beside else []), *([RedisCarrier(redis)] if redis else [])]
    if not carriers:
        return None
    relay = sockets.engine.relay = Relay(sockets.engine, carriers)
    app[METRICS].more.append(relay.readings)
    return relay


def share_by_database(
    app: web.Application, chat: Chat, feed: Feed, notifications: Notifications, looking: Looking
) -> None:
    """Other processes may serve the same rooms, and there is no Redis: hear by PostgreSQL that there is something to
    look for."""
    log.warning(
        "No REDIS_URL: should other processes serve the same database, people on different ones do not see each other "
        "in the list of people; they hear each other by PostgreSQL's notifications, or else up to 2 s later."
    )
    _tell_of_others(app, chat, feed)
    bus = feed.bus = NotifiedBus(notifications, feed, looking.look_soon)
    app[METRICS].more.append(bus.readings)
    app[ops.OTHERS] = lambda: "notify" if bus.is_heard else "database"
    app[ops.PARTS]["notifications"] = lambda: notifications.state
    bus.start(chat.process)


def share_by_redis(app: web.Application, chat: Chat, feed: Feed, redis: RedisConnection) -> RedisDirectory:
    """Other processes may serve the same rooms: hear of what happens there, and tell."""
    _tell_of_others(app, chat, feed)
    app[ops.OTHERS] = lambda: "redis" if redis.is_connected else "redis away"
    bus = feed.bus = RedisBus(redis, feed)
    app[METRICS].more.append(bus.readings)
    app[ops.PARTS]["redis"] = lambda: "connected" if redis.is_connected else "away"
    directory = chat.directory = RedisDirectory(redis, chat)
    buckets = chat.rates.shared = RedisBuckets(redis)
    chat.quotas.share(buckets)
    chat.guesses.shared = RedisGuesses(redis)
    app[METRICS].more.append(directory.readings)
    return directory


def _tell_of_others(app: web.Application, chat: Chat, feed: Feed) -> None:
    feed.lookup.describe = partial(access.as_told, chat)
    app[METRICS].more.append(feed.readings)
