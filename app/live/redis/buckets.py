"""Token buckets that all processes share. By the clock of Redis, in one step, and gone once they are full again."""

import asyncio
import logging
from hashlib import blake2b
from typing import Any

from app.live.redis.connection import RedisConnection, Unusable

log = logging.getLogger("parlor.redis")

TIMEOUT_S = 0.25  # somebody waits for the answer

# KEYS: the bucket. ARGV: points to spend, points of a full bucket, points regained a second.
_BEGIN = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cost, full, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) / 1000
local bucket = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = full
if bucket[1] and bucket[2] then
  left = math.min(full, tonumber(bucket[1]) + math.max(0, now - tonumber(bucket[2])) * rate)
end
"""
_END = """
redis.call('HSET', KEYS[1], 'left', string.format('%.4f', left), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((full - left) / rate) + 1)
"""
# The answer is the milliseconds after which there will be enough; 0: they are spent.
SPEND = f"""
{_BEGIN}
local wait = 0
if left < cost then
  wait = math.ceil((cost - left) / rate)
else
  left = left - cost
end
{_END}
return wait
"""
# Takes the points whether there are or not. The answer is what is left, as text: Redis cuts numbers to integers.
CHARGE = f"""
{_BEGIN}
left = math.max(-full, left - cost)
{_END}
return string.format('%.4f', left)
"""


class RedisBuckets:
    """The chat's SharedBuckets."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def spend(self, name: str, cost: float, full: float, per_second: float) -> float | None:
        """See SharedBuckets.spend."""
        wait = await self._run(SPEND, name, cost, full, per_second)
        return wait / 1000 if isinstance(wait, int) else None

    async def charge(self, name: str, points: float, full: float, per_second: float) -> float | None:
        """See SharedBuckets.charge."""
        left = await self._run(CHARGE, name, points, full, per_second)
        return float(left) if isinstance(left, bytes | str) else None

    async def _run(self, script: str, name: str, *arguments: float) -> Any:
        """None where it is not answered in time. Names are stored as digests: they hold addresses."""
        key = self._redis.key(f"rate:{blake2b(name.encode(), digest_size=16).hexdigest()}")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._redis.call("EVAL", script, 1, key, *arguments)
        except (Unusable, TimeoutError) as error:
            log.debug("counted by this process alone: %s", error)
            return None
