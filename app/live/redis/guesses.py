"""Guesses (chat/guesses.py) that all processes count together: by the clock of Redis, in one step."""

import asyncio
import logging
from hashlib import blake2b

from app.chat.guesses import CAP, CAP_REGAIN_S, FIRST_PAUSE_S, FORGET_S, FREE, MAX_PAUSE_S
from app.live.redis.connection import RedisConnection, Unusable

log = logging.getLogger("parlor.redis")

TIMEOUT_S = 0.25  # somebody waits for the answer

# KEYS: the count. ARGV: how long it is kept, 0 where this is only asked; then 'cap', how many, ms in which one comes
# back; or 'pause', how many are free, the first pause and the longest in ms. The answer is the milliseconds to wait; 0:
# it is counted.
SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'count', 'at')
local count, at = tonumber(kept[1] or '0'), tonumber(kept[2] or now)
local first, second = tonumber(ARGV[3]), tonumber(ARGV[4])
local wait = 0
if ARGV[2] == 'cap' then
  count = math.max(0, count - math.max(0, now - at) / second)
  wait = math.max(0, count + 1 - first) * second
elseif count >= first then
  wait = math.max(0, at + math.min(tonumber(ARGV[5]), second * 2 ^ math.min(count - first, 20)) - now)
end
if wait > 0 or ARGV[1] == '0' then
  return math.ceil(wait)
end
redis.call('HSET', KEYS[1], 'count', string.format('%.4f', count + 1), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
"""
KEEP_MS = int(FORGET_S * 1000)
BY_CAP = ("cap", CAP, int(CAP_REGAIN_S * 1000))
BY_PAUSE = ("pause", FREE, int(FIRST_PAUSE_S * 1000), int(MAX_PAUSE_S * 1000))


class RedisGuesses:
    """The chat's SharedGuesses."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def spend(self, name: str, is_capped: bool, counts: bool = True) -> float | None:
        """See SharedGuesses.spend. Names are stored as digests: they hold addresses."""
        by = BY_CAP if is_capped else BY_PAUSE
        wait = await self._call("EVAL", SPEND, 1, self._key(name), KEEP_MS if counts else 0, *by)
        return wait / 1000 if isinstance(wait, int) else None

    async def forget(self, name: str) -> None:
        await self._call("DEL", self._key(name))

    def _key(self, name: str) -> str:
        return self._redis.key(f"guesses:{blake2b(name.encode(), digest_size=16).hexdigest()}")

    async def _call(self, *command: str | int) -> object:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._redis.call(*command)
        except (Unusable, TimeoutError) as error:
            log.debug("counted by this process alone: %s", error)
            return None
