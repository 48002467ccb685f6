"""Settings that work, but probably not as they were meant."""

from collections.abc import Iterator, Mapping

from app.config import HOSTS_OWN_WORKERS, POSTGRES, Settings, injected
from app.workers import how_many

HOST_IDLE_LIMIT_S = 30.0  # the strictest known host cuts a request that has brought no byte for so long


def warnings(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Settings that work, but probably not as they were meant."""
    if names := injected(environment):
        yield f"{', '.join(names)}: put there by the host for a service called like us, and passed over."
    if why_fewer := how_many(settings)[1] or _why_not_as_hosts_say(settings, environment):
        yield why_fewer
    if settings.ping_interval >= HOST_IDLE_LIMIT_S:
        yield (
            f"PARLOR_PING_INTERVAL is {settings.ping_interval:g} s: hosts that cut a request after "
            f"{HOST_IDLE_LIMIT_S:g} s without a byte (Heroku) will cut every idle poll. "
            "20 to 25 s suits all known hosts."
        )
    if has_files_apart(settings):
        yield (
            f"PARLOR_FILES is not set: what people send is kept in the folder {settings.file_store} of this machine "
            "alone. Where that does not outlive a restart, or where several machines serve, name a store (s3://...)."
        )
    if settings.embed and not settings.trust_proxies:
        yield (
            "PARLOR_EMBED is set, but no proxy is trusted to say that visitors came by https (PARLOR_TRUST_PROXIES): "
            "over http browsers keep no cookies in frames, so that people there are new at each visit."
        )


def has_files_apart(settings: Settings) -> bool:
    """What is said is kept elsewhere, what is sent on this machine: nobody has said that this is meant."""
    return not settings.files and settings.database_url.startswith(POSTGRES)


def _why_not_as_hosts_say(settings: Settings, environment: Mapping[str, str]) -> str:
    asked = environment.get(HOSTS_OWN_WORKERS) or "1"
    counts = settings.redis_url.get_secret_value() or environment.get("PARLOR_WORKERS")
    if asked == "1" or counts or settings.workers > 1:
        return ""
    return (
        f"{HOSTS_OWN_WORKERS} is {asked}, but one process serves: some hosts set it by themselves, so it counts only "
        "where REDIS_URL is set. PARLOR_WORKERS counts with PostgreSQL alone, too."
    )
