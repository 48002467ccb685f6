"""Token buckets that all processes share. By the clock of Redis, in one step, and gone once they are full again."""

import asyncio
import logging
from hashlib import blake2b

from app.live.redis.connection import RedisConnection, Unusable

log = logging.getLogger("parlor.redis")

TIMEOUT_S = 0.25  # somebody waits for the answer

# KEYS: the bucket. ARGV: points to spend, points of a full bucket, points regained a second. The answer is the
# milliseconds after which there will be enough; 0: they are spent.
SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cost, full, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) / 1000
local bucket = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = full
if bucket[1] and bucket[2] then
  left = math.min(full, tonumber(bucket[1]) + math.max(0, now - tonumber(bucket[2])) * rate)
end
local wait = 0
if left < cost then
  wait = math.ceil((cost - left) / rate)
else
  left = left - cost
end
redis.call('HSET', KEYS[1], 'left', string.format('%.4f', left), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((full - left) / rate) + 1)
return wait
"""


class RedisBuckets:
    """The chat's SharedBuckets."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def spend(self, name: str, cost: float, full: float, per_second: float) -> float | None:
        """See SharedBuckets.spend. Names are stored as digests: they hold addresses."""
        key = self._redis.key(f"rate:{blake2b(name.encode(), digest_size=16).hexdigest()}")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                wait = await self._redis.call("EVAL", SPEND, 1, key, cost, full, per_second)
        except (Unusable, TimeoutError) as error:
            log.debug("counted by this process alone: %s", error)
            return None
        return wait / 1000 if isinstance(wait, int) else None
