"""Where in the admin are the operators' pages?"""

from collections.abc import Callable

from django.urls import URLPattern, path

from mes.pages.board import board, claim, live, row
from mes.pages.dashboard import dashboard
from mes.pages.door import Page
from mes.pages.my_orders import advance, my_orders, release
from mes.pages.picture import order_picture


def operator_urls(behind_login: Callable[..., Page]) -> list[URLPattern]:
    """The pages, each behind the admin's login."""
    return [
        path("board/", behind_login(board), name="board"),
        path("board/live/", behind_login(live), name="board_live"),
        path("board/<str:number>/", behind_login(row), name="board_row"),
        path("board/<str:number>/claim/", behind_login(claim), name="board_claim"),
        path("dashboard/", behind_login(dashboard), name="dashboard"),
        path(
            "mes/orders/<str:number>/picture/",
            behind_login(order_picture, cacheable=True),  # it says itself for how long
            name="order_picture",
        ),
        path("my-orders/", behind_login(my_orders), name="my_orders"),
        path("my-orders/<str:number>/advance/", behind_login(advance), name="my_orders_advance"),
        path("my-orders/<str:number>/release/", behind_login(release), name="my_orders_release"),
    ]
