"""Where the plant's API lives: /api/v1/mes/."""

from django.urls import path, re_path

from events.vocabulary import NUMBER_PATTERN
from mes.api import views

ORDER = rf"^orders/(?P<number>{NUMBER_PATTERN})/"

urlpatterns = [
    path("orders/", views.BoardView.as_view()),
    path("orders/claim-next/", views.ClaimNextView.as_view()),
    path("dashboard/", views.DashboardView.as_view()),
    re_path(rf"{ORDER}$", views.WorkOrderDetailView.as_view()),
    re_path(rf"{ORDER}history/$", views.WorkOrderHistoryView.as_view()),
    re_path(rf"{ORDER}model/$", views.WorkOrderModelView.as_view()),
    re_path(rf"{ORDER}claim/$", views.ClaimView.as_view()),
    re_path(rf"{ORDER}release/$", views.ReleaseView.as_view()),
    re_path(rf"{ORDER}complete/$", views.CompleteView.as_view()),
    re_path(rf"{ORDER}pack/$", views.PackView.as_view()),
    re_path(rf"{ORDER}ship/$", views.ShipView.as_view()),
]
