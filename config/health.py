"""Is this process alive, and can it do its work?"""

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from django_redis import get_redis_connection
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from caching.declared import Declared
from config.problems import problem_response


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up; says nothing of the servers it needs."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 while PostgreSQL answers, with or without a cache; else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return problem_response(
            "overloaded", detail="PostgreSQL does not answer.", headers={"Retry-After": "1"}
        )
    return JsonResponse({"status": "ok", "cache": "ok" if cache_answers() else "degraded"})


def cache_answers() -> bool:
    """Whether Redis answers within CACHE_TIMEOUT_MS, and a relay vouches for every partition."""
    fences = [partition.key("fence") for cache in Declared.registry for partition in cache.partitions]
    try:
        with get_redis_connection("default").pipeline(transaction=False) as pipe:
            for fence in fences:
                pipe.exists(fence)
            return all(pipe.execute())
    except (RedisError, ConnectionInterrupted, OSError):
        return False
