"""Does a bad value of a cache's setting stop the start with a sentence that names it?"""

import runpy
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import embedded


def settings_with(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> dict[str, Any]:
    """The settings as a process finds them that starts with this in its environment."""
    monkeypatch.setenv(name, value)
    return runpy.run_path(str(embedded.CHECKOUT / "config" / "settings.py"))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CACHE_ENABLED", "perhaps", "CACHE_ENABLED must be on or off, not 'perhaps'."),
        ("CACHE_FENCE_SECONDS", "0.1", "CACHE_FENCE_SECONDS must be from 0.5 to 60, not 0.1."),
        ("CACHE_FENCE_SECONDS", "nan", "CACHE_FENCE_SECONDS must be from 0.5 to 60, not nan."),
        ("CACHE_FENCE_SECONDS", "two", "CACHE_FENCE_SECONDS must be a number, not 'two'."),
        ("CACHE_TIMEOUT_MS", "0", "CACHE_TIMEOUT_MS must be from 1 to 60000, not 0."),
        ("CACHE_BOARD_LATEST", "0", "CACHE_BOARD_LATEST must be from 1 to 1000000, not 0."),
        ("CACHE_BOARD_MAX_ROWS", "-5", "CACHE_BOARD_MAX_ROWS must be from 1 to 100000000, not -5."),
        ("CACHE_SHOP_TTL", "10", "CACHE_SHOP_TTL must be from 60 to 86400, not 10."),
        ("CACHE_SHOP_TTL", "15m", "CACHE_SHOP_TTL must be a number, not '15m'."),
        ("CACHE_SHOP_PARTITIONS", "0", "CACHE_SHOP_PARTITIONS must be from 1 to 1024, not 0."),
        ("CURRENCY", "euro", "CURRENCY must be three capital letters (ISO 4217), not 'euro'."),
        ("CACHE_FALLBACK_LIMIT", "none", "CACHE_FALLBACK_LIMIT must be a number, not 'none'."),
    ],
)
def test_a_bad_value_is_refused(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings_with(monkeypatch, name, value)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CACHE_ENABLED", "off", False),
        ("CACHE_ENABLED", "1", True),
        ("CACHE_FENCE_SECONDS", "0.5", 0.5),
        ("CACHE_BOARD_LATEST", "50", 50),
        ("CACHE_SHOP_PARTITIONS", "16", 16),
    ],
)
def test_a_good_value_is_taken(
    name: str, value: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings_with(monkeypatch, name, value)[name] == expected


@pytest.mark.parametrize(
    ("given", "broker"),
    [
        ("redis://h:6379/0", "redis://h:6379/1"),
        ("redis://h:6379/1", "redis://h:6379/0"),
        ("redis://h:6379", "redis://h:6379/1"),
        ("unix:///run/s.sock?db=1", "redis+socket:///run/s.sock?virtual_host=0"),
        ("unix:///run/s.sock", "redis+socket:///run/s.sock?virtual_host=1"),
    ],
)
def test_the_broker_never_shares_the_database_of_the_caches(
    given: str, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    assert settings_with(monkeypatch, "REDIS_URL", given)["CELERY_BROKER_URL"] == broker
