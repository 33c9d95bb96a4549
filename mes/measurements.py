"""What solid is in a stored model? Equal files are measured, and drawn, once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from events.handling import NotYet, wake_waiting
from events.model_files import StoredModel, open_model
from events.models import OutboxEvent
from events.turns import RENEWAL, NeedsLonger, Turn
from events.vocabulary import PricingRequested
from mes import picture
from mes.geometry import EDITION, measuring
from mes.geometry.answers import RanOut, Solid, Unpriceable
from mes.models import Measurement

#: Processor seconds that a model may take before those of others come first: some 100,000 triangles.
SHORT_TURN = 1
# Whose model takes long is in no hurry: other work on this machine goes before it.
_LONG_TURN_NICENESS = 19


def solid_in(model: StoredModel, turn: Turn, renewal: float = RENEWAL) -> Solid | Unpriceable:
    """The solid in the model's file, or why there is none, from what is known of it or measured now.

    Raises ``NeedsLonger``; ``NotYet`` while another worker is at an equal file; what ``measuring.measure``
    raises where it is no fault of the file's.
    """
    if known := _known(model):
        return known
    with _alone_with(model):
        # Who was at it before may just have finished.
        return _known(model) or _measure(model, turn, renewal)


def _known(model: StoredModel) -> Solid | Unpriceable | None:
    measured = Measurement.objects.filter(sha256=model.sha256, edition=EDITION)
    found = measured.values_list("found", flat=True).first()
    if found is None or ("solid" in found and not picture.path_of(model).exists()):
        return None
    measured.update(uses=F("uses") + 1)
    return Solid.from_json(found["solid"]) if "solid" in found else Unpriceable(found["reason"])


def _measure(model: StoredModel, turn: Turn, renewal: float) -> Solid | Unpriceable:
    began = time.monotonic()
    seconds, niceness = (measuring.MOST_SECONDS, _LONG_TURN_NICENESS) if turn.is_long else (SHORT_TURN, 0)
    answer: Solid | Unpriceable
    found: dict[str, Any]
    try:
        with open_model(model) as file:
            answer = measuring.measure(
                file, model.kind, seconds, niceness=niceness, meanwhile=turn.renew, every=renewal
            )
        picture.keep(model, answer.picture)
        found = {"solid": answer.to_json()}
    except RanOut as error:
        if isinstance(error, measuring.TooLong) and not turn.is_long:
            raise NeedsLonger from error
        return error
    except Unpriceable as error:
        answer, found = error, {"reason": error.reason}
    Measurement.objects.update_or_create(
        sha256=model.sha256,
        defaults={"edition": EDITION, "found": found, "seconds": time.monotonic() - began, "uses": 1},
    )
    equal = OutboxEvent.objects.filter(kind=PricingRequested.kind, payload__model__sha256=model.sha256)
    transaction.on_commit(partial(wake_waiting, equal), robust=True)
    return answer


@contextmanager
def _alone_with(model: StoredModel) -> Iterator[None]:
    """No other worker measures an equal file meanwhile. The lock is the connection's: it ends with it."""
    name = int.from_bytes(bytes.fromhex(model.sha256[:16]), signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [name])
        [is_ours] = cursor.fetchone()
    if not is_ours:
        raise NotYet(f"an equal file is being measured ({model.sha256[:12]})")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [name])
