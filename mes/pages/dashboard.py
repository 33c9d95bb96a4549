"""The dashboard: how many orders stand where, how the work flows, and what waits too long."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.roles import Role
from mes import dashboard as counts
from mes.board import STATUSES
from mes.figures import Bar, figures
from mes.pages.door import PageRequest, only, page_context
from mes.templatetags.work_orders import day

#: Of a chart, in units of its own.
_WIDTH, _HEIGHT, _GAP = 480, 100, 0.15


@only(Role.OPERATOR, Role.SELLER)
def dashboard(request: PageRequest) -> HttpResponse:
    """The page; each count leads to its list."""
    numbers, cache_status, _proof = counts.dashboard()
    found = figures()
    context = page_context(
        request,
        _("Dashboard"),
        counts=[
            (status, numbers["counts"][status.value], _list_of(request, status.value)) for status in STATUSES
        ],
        as_of=datetime.fromisoformat(numbers["as_of"]),
        figures=found,
        charts=[
            (_("Last 24 hours"), _chart(found.hours, lambda bar: date_format(bar.since, "H:i"))),
            (_("Last 7 days"), _chart(found.days, lambda bar: day(bar.since))),
        ],
        overdue_url=reverse("admin:mes_workorder_changelist", query={"due": "overdue"}),
    )
    response = render(request, "mes/dashboard.html", context)
    response["Cache-Status"] = cache_status
    return response


def _list_of(request: PageRequest, status: str) -> str:
    """Where the orders of a status are listed for this user."""
    if request.user.has_role(Role.OPERATOR):
        return reverse("admin:board", query={"status": status})
    return reverse("admin:mes_workorder_changelist", query={"status__exact": status})


def _chart(bars: list[Bar], label: Callable[[Bar], str]) -> dict[str, Any]:
    """Two bars side by side for each hour or day, as rectangles of an SVG; and the same as words."""
    most = max(1, *(max(bar.came, bar.shipped) for bar in bars))
    step = _WIDTH / len(bars)
    width = step * (1 - _GAP) / 2
    rectangles = [
        {
            "x": f"{index * step + (width if second else 0):.2f}",
            "y": f"{_HEIGHT - _HEIGHT * number / most:.2f}",
            "width": f"{width:.2f}",
            "height": f"{_HEIGHT * number / most:.2f}",
            "second": second,
        }
        for index, bar in enumerate(bars)
        for second, number in ((False, bar.came), (True, bar.shipped))
    ]
    return {
        "rectangles": rectangles,
        "box": f"0 0 {_WIDTH} {_HEIGHT}",
        "bars": [(label(bar), bar.came, bar.shipped) for bar in bars],
        "first": label(bars[0]),
        "last": label(bars[-1]),
        "most": most,
        "came": sum(bar.came for bar in bars),
        "shipped": sum(bar.shipped for bar in bars),
    }
