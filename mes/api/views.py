"""The plant's HTTP API: it checks who asks and what for, calls a service, and shows the order."""

import json

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import RequiredRoles
from accounts.roles import Role
from accounts.views import RoleView
from caching.board import Page
from events.errors import NotFound
from events.http import next_page_url, problem_responses, read_choices, read_page_params, timeline_page
from events.model_files import ModelKind, StoredModel, download_response
from events.schemas import StatusChangeSerializer
from events.vocabulary import Material, Status
from mes import claims, services
from mes.api import serializers
from mes.caches import BOARD
from mes.dashboard import dashboard
from mes.models import WorkOrder, WorkOrderStatusChange
from mes.payload import board_row, work_order_payload
from web.conditional import CACHED_READ, NOT_MODIFIED, cached_response, known_etags

BOARD_CHOICES = {"status": Status.values, "material": Material.values, "operator": ("me",)}
PLANT = (Role.OPERATOR, Role.SELLER)


class WorkOrdersView(RoleView[WorkOrder]):
    """What every view of work orders shares: the plant sees all, a partner only its own."""

    required_roles: RequiredRoles = (*PLANT, Role.PARTNER)
    serializer_class = serializers.WorkOrderSerializer
    keyset_field = "position"

    def get_queryset(self) -> QuerySet[WorkOrder]:
        """The work orders the caller may see."""
        if self.user.has_role(*PLANT):
            return WorkOrder.objects.all()
        return WorkOrder.objects.filter(partner_id=self.user.pk)

    def get_work_order(self, number: str) -> WorkOrder:
        """The work order; 404 for one the caller may not see."""
        return get_object_or_404(self.get_queryset(), number=number)


class BoardView(WorkOrdersView):
    """The board, and a partner's new order."""

    required_roles = {"GET": PLANT, "POST": (Role.PARTNER,)}
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="mes_orders_list",
        parameters=[serializers.BoardQuerySerializer, *CACHED_READ],
        responses={
            200: serializers.BoardRowSerializer(many=True),
            304: NOT_MODIFIED,
            **problem_responses("validation_error"),
        },
    )
    def get(self, request: Request) -> HttpResponse | Response:
        """The board, newest first, from memory; with `operator=me` what the caller holds."""
        filters = read_choices(request, BOARD_CHOICES)
        if filters.pop("operator", None):
            held = WorkOrder.objects.held_by(self.user.pk).filter(**filters)
            return self.answer_page(held, board_row)
        limit, after = read_page_params(request)
        page = BOARD.page(filters, limit, after, next(iter(known_etags(request)), None))
        return cached_response(
            request, page_body(request, page), page.etag, page.status, page.proof, is_shared=True
        )

    @extend_schema(
        operation_id="mes_orders_create",
        request={"multipart/form-data": serializers.PartnerOrderSerializer},
        responses={
            201: serializers.WorkOrderSerializer,
            200: OpenApiResponse(serializers.WorkOrderSerializer, description="The `external_id` is known."),
            **problem_responses(
                "validation_error", "file_too_large", "file_type_unsupported", "model_unreadable"
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """A partner's order, SUBMITTED; the Shop mirrors it, and there the partner follows it."""
        body = serializers.PartnerOrderSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        order, created = services.work_order_receive(partner=self.user, upload=fields.pop("file"), **fields)
        payload = work_order_payload(order)
        return Response(payload, status=201 if created else 200, headers={"Location": payload["url"]})


class WorkOrderDetailView(WorkOrdersView):
    """One work order."""

    @extend_schema(operation_id="mes_orders_retrieve", responses=serializers.WorkOrderSerializer)
    def get(self, request: Request, number: str) -> Response:
        """One work order."""
        return Response(work_order_payload(self.get_work_order(number)))


class WorkOrderHistoryView(WorkOrdersView):
    """The work order's timeline."""

    @extend_schema(
        operation_id="mes_orders_history",
        responses={200: StatusChangeSerializer(many=True), **problem_responses("validation_error")},
    )
    def get(self, request: Request, number: str) -> Response:
        """The work order's timeline, newest first."""
        order = self.get_work_order(number)
        return timeline_page(request, WorkOrderStatusChange.objects.filter(work_order=order))


class WorkOrderModelView(WorkOrdersView):
    """The work order's 3D model."""

    @extend_schema(
        operation_id="mes_orders_model",
        responses={(200, kind.media_type): OpenApiTypes.BINARY for kind in ModelKind},
    )
    def get(self, request: Request, number: str) -> FileResponse:
        """The 3D model as a download; its media type is that of its kind."""
        try:
            return download_response(StoredModel.from_json(self.get_work_order(number).model))
        except FileNotFoundError as error:
            raise NotFound("The file of this order's model is not there.") from error


class OperatorView(WorkOrdersView):
    """What only operators do."""

    required_roles = (Role.OPERATOR,)


class ClaimView(OperatorView):
    """Claiming."""

    @extend_schema(
        operation_id="mes_orders_claim",
        request=None,
        responses={
            200: serializers.WorkOrderSerializer,
            **problem_responses("already_claimed", "claim_in_progress", "illegal_transition"),
        },
    )
    def post(self, request: Request, number: str) -> Response:
        """Take the order, MANUFACTURING_STARTED. Of many who try at once, one gets it."""
        order = claims.work_order_claim(number=number, operator=self.user)
        return Response(work_order_payload(order))


class ClaimNextView(OperatorView):
    """Claiming whatever has waited longest."""

    @extend_schema(
        operation_id="mes_orders_claim_next",
        request=None,
        parameters=[serializers.ClaimNextQuerySerializer],
        responses={
            200: serializers.WorkOrderSerializer,
            204: OpenApiResponse(description="Nothing waits."),
            **problem_responses("validation_error"),
        },
    )
    def post(self, request: Request) -> Response:
        """Take the order that has waited longest."""
        wanted = read_choices(request, {"material": Material.values})
        order = claims.work_order_claim_next(operator=self.user, **wanted)
        return Response(status=204) if order is None else Response(work_order_payload(order))


class ReleaseView(OperatorView):
    """Giving an order back."""

    @extend_schema(
        operation_id="mes_orders_release",
        request=serializers.ReleaseSerializer,
        responses={
            200: serializers.WorkOrderSerializer,
            **problem_responses("validation_error", "illegal_transition", "not_your_order"),
        },
    )
    def post(self, request: Request, number: str) -> Response:
        """Put the order back on the board, MANUFACTURING_APPROVED."""
        body = serializers.ReleaseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        order = claims.work_order_release(
            order_id=self.get_work_order(number).pk,
            operator=self.user,
            reason=body.validated_data["reason"],
        )
        return Response(work_order_payload(order))


class AdvanceView(OperatorView):
    """A step of the operator who holds the order; the subclass says which."""

    to: Status

    @extend_schema(
        request=None,
        responses={
            200: serializers.WorkOrderSerializer,
            **problem_responses("illegal_transition", "not_your_order"),
        },
    )
    def post(self, request: Request, number: str) -> Response:
        """Move the order on to its next status."""
        order = claims.work_order_advance(
            order_id=self.get_work_order(number).pk, operator=self.user, to=self.to
        )
        return Response(work_order_payload(order))


class CompleteView(AdvanceView):
    """MANUFACTURING_STARTED -> MANUFACTURING_COMPLETED."""

    to = Status.MANUFACTURING_COMPLETED


class PackView(AdvanceView):
    """MANUFACTURING_COMPLETED -> PACKAGING."""

    to = Status.PACKAGING


class ShipView(AdvanceView):
    """PACKAGING -> SHIPPED."""

    to = Status.SHIPPED


class DashboardView(RoleView[WorkOrder]):
    """The status dashboard."""

    required_roles = PLANT

    @extend_schema(
        operation_id="mes_dashboard",
        parameters=CACHED_READ,
        responses={200: serializers.DashboardSerializer, 304: NOT_MODIFIED},
    )
    def get(self, request: Request) -> HttpResponse:
        """How many orders stand in each status, as of a moment ago."""
        numbers, status, proof = dashboard()
        etag = "-".join(str(rows) for rows in numbers["counts"].values())
        return cached_response(request, json.dumps(numbers).encode(), etag, status, proof, is_shared=True)


def page_body(request: Request, page: Page) -> bytes | None:
    """The envelope around a page's rows, which were rendered when they were written; None without rows."""
    if page.rows is None:
        return None
    url = None if page.next_after is None else next_page_url(request, page.next_after)
    rest = json.dumps({"next": url, "count": page.count})
    return b'{"results":[%b],%b' % (page.rows, rest[1:].encode())
