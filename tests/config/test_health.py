"""Do /healthz, /readyz and /metrics tell the truth, and only to whom they should?"""

import subprocess
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

from tests.caching.relays import running

pytestmark = pytest.mark.urls("tests.config.probes")


def test_healthz_needs_no_server(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_readyz_says_whether_reads_come_from_memory(client: Client) -> None:
    assert client.get("/readyz").json() == {"status": "ok", "cache": "degraded"}, "no relay has vouched yet"
    with running():
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "cache": "ok"})


@pytest.mark.django_db
def test_without_a_cache_the_site_is_degraded_but_ready(
    client: Client, settings: Settings, tmp_path: Any
) -> None:
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": f"unix://{tmp_path}/nobody.sock?db=0"}
    }
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "cache": "degraded"})


@pytest.mark.django_db(transaction=True)
def test_without_postgresql_the_site_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connections["default"]
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "no_such_database")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer["Retry-After"] == "1"
    assert client.get("/healthz").status_code == 200
    connection.close()


def test_only_reading_is_allowed(client: Client) -> None:
    assert [client.post(address).status_code for address in ("/healthz", "/readyz", "/metrics")] == [405] * 3


def test_metrics_count_requests_by_view_and_status(client: Client) -> None:
    client.get("/healthz")
    client.get("/nothing/at/all/")
    text = client.get("/metrics").text
    assert 'http_requests_total{method="GET",status="200",view="config.health.healthz"}' in text
    assert 'http_requests_total{method="GET",status="404",view="none"}' in text
    assert "http_request_seconds_bucket" in text
    assert "nothing/at/all" not in text


@pytest.mark.parametrize(
    ("peer", "status"),
    [("127.0.0.1", 200), ("127.8.8.8", 200), ("::1", 200), ("10.0.0.1", 404), ("::2", 404), ("", 404)],
)
def test_metrics_are_for_allowed_networks(client: Client, peer: str, status: int) -> None:
    assert client.get("/metrics", REMOTE_ADDR=peer).status_code == status


def test_a_network_can_be_allowed(client: Client, settings: Settings) -> None:
    settings.METRICS_ALLOWED = [ip_network("10.0.0.0/8")]
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 404


def test_who_comes_through_a_proxy_on_this_machine_sees_no_metrics(client: Client) -> None:
    assert client.get("/metrics", headers={"x-forwarded-for": "8.8.8.8"}).status_code == 404


def test_metrics_of_several_processes_are_summed(tmp_path: Any) -> None:
    """Two processes count into one directory, a third reads it."""
    import os
    import sys

    count = "from config.metrics import REQUESTS; REQUESTS.labels('GET', 'some-view', '200').inc()"
    read = (
        "import django; django.setup()\n"
        "from django.test import RequestFactory\nfrom config.metrics import metrics\n"
        "print(metrics(RequestFactory().get('/metrics')).text)"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for code in (count, count):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-c", read], env=environment, check=True, capture_output=True, text=True
    )
    assert 'http_requests_total{method="GET",status="200",view="some-view"} 2.0' in done.stdout
