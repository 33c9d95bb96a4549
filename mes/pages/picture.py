"""The picture of an order's model, for whoever may see the order."""

from pathlib import Path

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from events.model_files import StoredModel
from mes import picture
from mes.models import WorkOrder

#: Seconds a browser shows it without asking: pages name the order's version in its address.
_FRESH = 86_400
_EMBLEM = Path(__file__).parent.parent / "static/mes/no_picture.svg"


def order_picture(request: HttpRequest, number: str) -> HttpResponse:
    """The PNG; an emblem where there is none: the model waits to be measured, or can't be."""
    if not request.user.has_perm("mes.view_workorder"):
        raise PermissionDenied
    model = WorkOrder.objects.filter(number=number).values_list("model", flat=True).first()
    try:
        if model is None:  # not with the plant yet, or never
            raise FileNotFoundError(number)
        data, kind = picture.path_of(StoredModel.from_json(model)).read_bytes(), "image/png"
        etag = f'"{model["sha256"][:16]}"'
    except FileNotFoundError:
        data, kind, etag = _EMBLEM.read_bytes(), "image/svg+xml", '"none"'
    is_known = request.headers.get("If-None-Match") == etag
    response = HttpResponseNotModified() if is_known else HttpResponse(data, content_type=kind)
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={_FRESH if kind == 'image/png' else 30}"
    return response
