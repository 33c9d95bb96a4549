"""What does Prometheus learn of the web process, and who may read it?"""

import os
import time
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from caching.proofs import grounds_of

REQUESTS = Counter("http_requests", "Requests answered.", ["method", "view", "status"])
SECONDS = Histogram(
    "http_request_seconds",
    "Seconds from the first middleware to the answer.",
    ["view"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_requests, _seconds = cache(REQUESTS.labels), cache(SECONDS.labels)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MetricsMiddleware:
    """Counts and times each request by the name of its view, never by its path: labels must stay few."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on and count the answer."""
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = grounds_of(request.META).view = match.view_name if match else "none"
        method = request.method if request.method in METHODS else "other"
        count_request(method, view, str(response.status_code), time.perf_counter() - began)
        return response


def count_request(method: str, view: str, status: str, seconds: float) -> None:
    """Count and time one request."""
    _requests(method, view, status).inc()
    _seconds(view).observe(seconds)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for METRICS_ALLOWED networks; 404 for all others.

    With PROMETHEUS_MULTIPROC_DIR set, as when several web processes share a port, it sums up all of them.
    """
    if not may_read(request.META):
        raise Http404
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def may_read(meta: dict[str, str]) -> bool:
    """Whether the peer's own address is allowed. One that comes through a proxy hides it and is not."""
    if "HTTP_X_FORWARDED_FOR" in meta or "HTTP_FORWARDED" in meta:
        return False
    try:
        address = ip_address(meta.get("REMOTE_ADDR", ""))
    except ValueError:  # a unix socket has no address
        return False
    return any(address in network for network in settings.METRICS_ALLOWED)
