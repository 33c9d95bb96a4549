"""What becomes of the example in docs/adding-a-cached-model.md? Run as a program by its test."""

import json

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import Http404, HttpRequest  # noqa: E402
from shipping.caches import PARCELS  # type: ignore[import-not-found]  # noqa: E402
from shipping.models import Parcel  # type: ignore[import-not-found]  # noqa: E402
from shipping.views import parcel  # type: ignore[import-not-found]  # noqa: E402

from accounts.models import User  # noqa: E402
from tests.caching.relays import running  # noqa: E402
from tests.threads import until  # noqa: E402


def story() -> None:
    """A parcel's life, seen through the view."""
    anna, boris = (User.objects.create(username=name) for name in ("anna", "boris"))

    def seen(by: User = anna) -> tuple[str | None, str]:
        request = HttpRequest()
        request.user = by
        try:
            answer = parcel(request, "RU1")
        except Http404:
            return None, ""
        return json.loads(answer.content)["status"], answer["Cache-Status"]

    assert seen() == (None, "")
    row = Parcel.objects.create(code="RU1", client=anna, status="packed")
    assert seen() == ("packed", "parcel; hit")
    assert seen(by=boris) == (None, "")
    row.status = "sent"
    row.save()
    assert seen() == ("sent", "parcel; hit")
    Parcel.objects.update(status="lost")
    until(lambda: seen() == ("lost", "parcel; hit"))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM shipping_parcel")
    until(lambda: seen() == (None, ""))
    assert PARCELS.read("RU1").status == "parcel; hit"


call_command("check", verbosity=0)
call_command("makemigrations", "shipping", verbosity=0)
call_command("migrate", verbosity=0)
try:
    with running():
        story()
finally:
    User.objects.all().delete()
    call_command("migrate", "shipping", "zero", verbosity=0)
