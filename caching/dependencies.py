"""Which other rows does a cached row show columns of?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q


@dataclass(frozen=True)
class Dependency:
    """``model`` is the one whose triggers touch the cached rows (``caching.touching``); a proxy, where the
    table is another app's. ``rows_of`` says which cached rows show one of its instances: the filter by which
    layer 1 finds them."""

    model: type[Model]
    rows_of: Callable[[Any], Q]
