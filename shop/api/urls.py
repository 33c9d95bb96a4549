"""Where the clients' API lives: /api/v1/shop/."""

from django.urls import path, re_path

from events.vocabulary import NUMBER_PATTERN
from shop.api import views

ORDER = rf"^orders/(?P<number>{NUMBER_PATTERN})/"

urlpatterns = [
    path("orders/", views.OrderListView.as_view()),
    re_path(rf"{ORDER}$", views.OrderDetailView.as_view()),
    re_path(rf"{ORDER}model/$", views.OrderModelView.as_view()),
    re_path(rf"{ORDER}submit/$", views.OrderSubmitView.as_view()),
    re_path(rf"{ORDER}approve/$", views.OrderApproveView.as_view()),
    re_path(rf"{ORDER}confirm-delivery/$", views.OrderConfirmDeliveryView.as_view()),
    re_path(rf"{ORDER}cancel/$", views.OrderCancelView.as_view()),
    re_path(rf"{ORDER}history/$", views.OrderHistoryView.as_view()),
]
