"""The clients' HTTP API: it checks who asks and what for, calls a service, and shows the order."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Role
from accounts.views import RoleView
from events.errors import NotFound
from events.http import problem_responses, read_choices, timeline_page
from events.schemas import ModelUploadSerializer, StatusChangeSerializer
from events.vocabulary import ActorKind, Status
from shop import services
from shop.api import serializers
from shop.caches import ORDERS
from shop.idempotency import answer_once
from shop.models import Order, OrderStatusChange
from shop.payload import order_payload
from web.conditional import CACHED_READ, NOT_MODIFIED, cached_response, digest

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="A key of the client's own: a repeat with the same key and body gets the first answer again "
    "(`Idempotency-Replayed: true`). Kept 24 hours.",
)


class OrdersView(RoleView[Order]):
    """What every view of the Shop shares: who may call it, and that a client sees only its own orders."""

    required_roles = (Role.CLIENT, Role.PARTNER)
    serializer_class = serializers.OrderSerializer
    keyset_field = "id"

    def get_queryset(self) -> QuerySet[Order]:
        """The caller's own orders."""
        return Order.objects.filter(client_id=self.user.pk)

    def get_order_id(self, number: str) -> int:
        """The primary key of the caller's order; 404 for anybody else's."""
        return get_object_or_404(self.get_queryset().only("pk"), number=number).pk

    @property
    def actor_kind(self) -> ActorKind:
        """Clients and partners act alike here; the timeline tells whether a partner sent the order."""
        return ActorKind.PARTNER if self.kwargs["number"].startswith("P") else ActorKind.CLIENT


class OrderListView(OrdersView):
    """Own orders, and a new one."""

    @extend_schema(
        operation_id="shop_orders_list",
        parameters=[serializers.OrderListQuerySerializer],
        responses={200: serializers.OrderSerializer(many=True), **problem_responses("validation_error")},
    )
    def get(self, request: Request) -> Response:
        """Own orders, newest first."""
        orders = self.get_queryset().filter(**read_choices(request, {"status": Status.values}))
        return self.answer_page(orders, order_payload)

    @extend_schema(
        operation_id="shop_orders_create",
        request=serializers.OrderCreateSerializer,
        parameters=[IDEMPOTENCY_KEY],
        responses={
            201: serializers.OrderSerializer,
            **problem_responses("validation_error", "idempotency_in_progress", "idempotency_key_reused"),
        },
    )
    def post(self, request: Request) -> Response:
        """Create an order, INITIATED."""
        body = serializers.OrderCreateSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def create() -> tuple[int, dict[str, Any]]:
            order = services.order_create(client=self.user, **body.validated_data)
            return 201, order_payload(order)

        key = request.headers.get("Idempotency-Key")
        if key is None:
            (status, payload), replayed = create(), False
        else:
            (status, payload), replayed = answer_once(self.user, key, body.validated_data, create)
        headers = {"Location": payload["url"]} | ({"Idempotency-Replayed": "true"} if replayed else {})
        return Response(payload, status=status, headers=headers)


class OrderDetailView(OrdersView):
    """One order."""

    @extend_schema(
        operation_id="shop_orders_retrieve",
        parameters=CACHED_READ,
        responses={200: serializers.OrderSerializer, 304: NOT_MODIFIED},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """One order, from memory when it can be trusted."""
        found = ORDERS.read(number)
        if found.payload is None or found.owner != str(self.user.pk):
            raise NotFound("You have no order of this number.", headers={"Cache-Status": found.status})
        return cached_response(request, found.payload, digest(found.payload), found.status, found.proof)


class OrderModelView(OrdersView):
    """The order's 3D model."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="shop_orders_model_upload",
        request={"multipart/form-data": ModelUploadSerializer},
        responses={
            200: serializers.OrderSerializer,
            **problem_responses(
                "validation_error",
                "illegal_transition",
                "file_too_large",
                "file_type_unsupported",
                "model_unreadable",
            ),
        },
    )
    def put(self, request: Request, number: str) -> Response:
        """Upload the 3D model, FILE_UPLOADED. The kind is told by the content, not by the name."""
        order_id = self.get_order_id(number)
        body = ModelUploadSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        order = services.order_upload_model(
            order_id=order_id, actor=self.user, upload=body.validated_data["file"]
        )
        return Response(order_payload(order))


class OrderSubmitView(OrdersView):
    """Placing an order."""

    @extend_schema(
        operation_id="shop_orders_submit",
        request=None,
        responses={200: serializers.OrderSerializer, **problem_responses("illegal_transition")},
    )
    def post(self, request: Request, number: str) -> Response:
        """Place the order, SUBMITTED: the plant computes its price."""
        order = services.order_submit(order_id=self.get_order_id(number), actor=self.user)
        return Response(order_payload(order))


class OrderApproveView(OrdersView):
    """Accepting a price."""

    @extend_schema(
        operation_id="shop_orders_approve",
        request=None,
        responses={200: serializers.OrderSerializer, **problem_responses("illegal_transition")},
    )
    def post(self, request: Request, number: str) -> Response:
        """Accept the price, MANUFACTURING_APPROVED: an operator may take the order."""
        order = services.order_approve(
            order_id=self.get_order_id(number), actor=self.user, actor_kind=self.actor_kind
        )
        return Response(order_payload(order))


class OrderConfirmDeliveryView(OrdersView):
    """Confirming delivery."""

    @extend_schema(
        operation_id="shop_orders_confirm_delivery",
        request=None,
        responses={200: serializers.OrderSerializer, **problem_responses("illegal_transition")},
    )
    def post(self, request: Request, number: str) -> Response:
        """Confirm that the order has arrived, CLOSED."""
        order = services.order_close(
            order_id=self.get_order_id(number), actor=self.user, actor_kind=self.actor_kind
        )
        return Response(order_payload(order))


class OrderCancelView(OrdersView):
    """Cancelling."""

    @extend_schema(
        operation_id="shop_orders_cancel",
        request=serializers.CancelSerializer,
        responses={
            200: serializers.OrderCancelledSerializer,
            202: serializers.OrderCancelledSerializer,
            **problem_responses("validation_error", "illegal_transition"),
        },
    )
    def post(self, request: Request, number: str) -> Response:
        """Cancel before approval (200); after it ask the plant (202), which decides in moments."""
        body = serializers.CancelSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        order = services.order_cancel(
            order_id=self.get_order_id(number),
            actor=self.user,
            actor_kind=self.actor_kind,
            reason=body.validated_data["reason"],
        )
        return Response(
            {**order_payload(order), "cancel_requested": order.cancel_requested},
            status=200 if order.status == Status.CANCELLED else 202,
        )


class OrderHistoryView(OrdersView):
    """The order's timeline."""

    @extend_schema(
        operation_id="shop_orders_history",
        responses={
            200: StatusChangeSerializer(many=True),
            **problem_responses("validation_error"),
        },
    )
    def get(self, request: Request, number: str) -> Response:
        """The order's timeline, newest first."""
        return timeline_page(request, OrderStatusChange.objects.filter(order_id=self.get_order_id(number)))
