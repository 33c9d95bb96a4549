"""The engineers' page of the caches: how each is, and warming, auditing and rebuilding it."""

import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from accounts.models import User
from accounts.roles import Role
from caching import status
from caching.audit import audit
from caching.declared import Declared
from caching.redis import CacheUnavailable, is_enabled
from caching.upkeep import ask_for_rebuild
from caching.warming import NotBegun, keys_to_warm, warm

log = structlog.get_logger(__name__)

#: Rows that a press of a button warms while the engineer waits; the command `warm_cache` knows no such limit.
MOST_WARMED = 20_000


def may_see(user: User) -> bool:
    """Engineers, and whoever may do everything."""
    return user.has_role(Role.ENGINEER) or user.is_superuser


def may_rebuild(user: User) -> bool:
    """Who may empty a cache: it is a permission of its own, because PostgreSQL bears the reads meanwhile."""
    return may_see(user) and user.has_perm("accounts.rebuild_caches")


def caches(request: HttpRequest) -> HttpResponse:
    """Every partition as it is now."""
    user = cast(User, request.user)
    if not may_see(user):
        raise PermissionDenied
    found, trouble = None, ""
    try:
        found = status.status()
    except RedisError as error:
        trouble = str(error)
    context = {
        **admin.site.each_context(request),
        "title": _("Caches"),
        "status": found,
        "trouble": trouble,
        "is_enabled": is_enabled(),
        "may_rebuild": may_rebuild(user),
    }
    return render(request, "caching/caches.html", context)


def act(request: HttpRequest, name: str, action: str) -> HttpResponse:
    """A press of a button: warm, audit or rebuild."""
    user = cast(User, request.user)
    chosen = next((one for one in Declared.registry if one.name == name), None)
    if chosen is None or action not in ACTIONS:
        raise Http404
    if not may_see(user) or (action == "rebuild" and not may_rebuild(user)):
        raise PermissionDenied
    if request.method == "POST":  # a GET comes from a login page that was in the way
        log.info("cache_action", cache=name, action=action, by=user.get_username())
        try:
            ACTIONS[action](request, chosen)
        except (RedisError, CacheUnavailable) as error:
            messages.error(request, _("Redis can't be asked: %(error)s") % {"error": error})
        except NotBegun:
            messages.error(request, _("No relay has begun this cache yet. Is a relay running?"))
    return redirect("admin:caches")


def _warm(request: HttpRequest, cache: Declared[Any]) -> None:
    began = time.monotonic()
    rows = sum(warm(cache, keys_to_warm(cache, MOST_WARMED)))
    text = ngettext(
        "%(name)s: %(rows)d row written in %(seconds).1f s.",
        "%(name)s: %(rows)d rows written in %(seconds).1f s.",
        rows,
    )
    seconds = time.monotonic() - began
    messages.success(request, text % {"name": cache.name, "rows": rows, "seconds": seconds})


def _audit(request: HttpRequest, cache: Declared[Any]) -> None:
    looked_at, mismatches = audit(cache)
    if not mismatches:
        text = ngettext(
            "%(name)s: %(rows)d row compared with PostgreSQL, none differs.",
            "%(name)s: %(rows)d rows compared with PostgreSQL, none differs.",
            looked_at,
        )
        messages.success(request, text % {"name": cache.name, "rows": looked_at})
    for one in mismatches[:10]:
        text = _("%(name)s: %(key)s has version %(cached)s in the cache and %(stored)s in PostgreSQL.")
        found = {"name": cache.name, "key": one.key, "cached": one.cached, "stored": one.stored}
        messages.error(request, text % found)


def _rebuild(request: HttpRequest, cache: Declared[Any]) -> None:
    """At its next pass the relay begins each partition anew."""
    for partition in cache.partitions:
        ask_for_rebuild(partition, request.user.get_username())
    text = _("%(name)s: the relay rebuilds it now; until it is done PostgreSQL answers.")
    messages.success(request, text % {"name": cache.name})


ACTIONS: dict[str, Callable[[HttpRequest, Declared[Any]], None]] = {
    "warm": _warm,
    "audit": _audit,
    "rebuild": _rebuild,
}
