"""How does django-redis find the server that REDIS_URL names, and how long does it wait for it?"""

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

#: The scheme of a set of servers under Sentinel, which say who is the master.
SENTINEL = "redis+sentinel://"


def caches(url: str, web_seconds: float, *, relay_seconds: float) -> dict[str, dict[str, Any]]:
    """Django's CACHES: a connection pool for requests and one for the relay, whose scripts are longer.

    No pool tries twice, and losing Redis raises nothing in who uses Django's cache. Raises
    ``ImproperlyConfigured``.
    """
    # django-redis keeps one pool for each URL: the names make them different.
    return {
        "default": _cache(url, web_seconds, "web"),
        "relay": _cache(url, relay_seconds, "relay"),
    }


def _cache(url: str, seconds: float, name: str) -> dict[str, Any]:
    patience = {"socket_connect_timeout": seconds, "socket_timeout": seconds}
    pool = {
        **patience,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        # As many connections as there are threads: at a limit callers would be refused, not made to wait.
        "max_connections": 100_000,
        # With them, redis-py no longer refuses a connection on which an unread reply waits.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    options: dict[str, Any] = {"IGNORE_EXCEPTIONS": True, "CONNECTION_POOL_KWARGS": pool}
    if url.startswith(SENTINEL):
        url, sentinels = _behind_sentinels(url)
        options |= {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
            "SENTINELS": sentinels,
            "SENTINEL_KWARGS": pool,
        }
    location = f"{url}{'&' if '?' in url else '?'}client_name={name}"
    return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": location, "OPTIONS": options}


def _behind_sentinels(url: str) -> tuple[str, list[tuple[str, int]]]:
    """The URL of the service, and where its Sentinels are."""
    found = re.fullmatch(r"([^/@]*@)?([^/@]+)/([\w.-]+)/(\d+)", url.removeprefix(SENTINEL))
    if not found:
        raise ImproperlyConfigured(
            "REDIS_URL must be like redis+sentinel://host:port,host:port/<service>/<db>."
        )
    user, hosts, service, db = found.groups()
    places = (host.partition(":") for host in hosts.split(","))
    return f"redis://{user or ''}{service}/{db}", [(host, int(port or 26379)) for host, _, port in places]
