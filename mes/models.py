"""What the plant keeps: work orders, their timelines, and the tariff they are priced by."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from caching.facets import LAST_POSITION
from caching.triggers import cached_table, version_field
from events.constraints import sound_order
from events.flags import flags_field
from events.history import StatusChange
from events.vocabulary import UNCLAIMED, Material, Status, default_currency

MAX_QUANTITY = 1000
OPERATOR_NAME_LENGTH = 150
#: What an operator still has in hands.
HELD = (Status.MANUFACTURING_STARTED, Status.MANUFACTURING_COMPLETED, Status.PACKAGING)
_UNCLAIMED = sorted(UNCLAIMED)


class NextPosition(Func):
    """The next number of the sequence behind :attr:`WorkOrder.position`, drawn by PostgreSQL."""

    function = "nextval"
    output_field = models.BigIntegerField()

    def __init__(self) -> None:
        super().__init__(Value("mes_position"))

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, object]]:
        """How migrations write it."""
        return "mes.models.NextPosition", (), {}


class WorkOrderQuerySet(models.QuerySet["WorkOrder"]):
    """A query for each screen."""

    def for_board(self) -> "WorkOrderQuerySet":
        """What the board shows, newest first."""
        return self.order_by("-position")

    def held_by(self, operator_id: int) -> "WorkOrderQuerySet":
        """What the operator has in hands, newest first."""
        return self.filter(operator_id=operator_id, status__in=HELD).order_by("-position")

    def claimable(self) -> "WorkOrderQuerySet":
        """What may be claimed, the one that has waited longest first."""
        return self.filter(status=Status.MANUFACTURING_APPROVED).order_by("position")


class WorkOrder(models.Model):
    """One order as the plant sees it: what to make, at which price, who makes it."""

    number = models.CharField(_("number"), max_length=10, unique=True, editable=False)
    partner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="partner_work_orders",
        verbose_name=_("partner"),
        help_text=_("Set when the order entered through the MES itself."),
    )
    external_id = models.CharField(_("external id"), max_length=100, blank=True)
    status = models.CharField(_("status"), max_length=30, choices=Status, default=Status.SUBMITTED)
    position = models.BigIntegerField(
        _("position"),
        unique=True,
        editable=False,
        db_default=NextPosition(),
        help_text=_("Order of the board: drawn at creation and again when the order becomes claimable."),
    )
    title = models.CharField(_("title"), max_length=120)
    material = models.CharField(_("material"), max_length=20, choices=Material)
    quantity = models.PositiveIntegerField(
        _("quantity"), validators=[MinValueValidator(1), MaxValueValidator(MAX_QUANTITY)]
    )
    engraving = models.CharField(_("engraving"), max_length=60, blank=True)
    comment = models.TextField(_("comment"), max_length=2000, blank=True)
    model = models.JSONField(
        _("3D model"), help_text=_("The file as events.model_files.StoredModel describes it.")
    )
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, null=True, blank=True)
    price_breakdown = models.JSONField(_("price breakdown"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default=default_currency)
    flags = flags_field()
    due_date = models.DateField(_("due date"), null=True, blank=True)
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="claimed_work_orders",
        verbose_name=_("operator"),
    )
    operator_name = models.CharField(
        _("operator's name"),
        max_length=OPERATOR_NAME_LENGTH,
        blank=True,
        help_text=_("As it was at the claim."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    version = version_field()
    shop_version = models.BigIntegerField(
        default=0, editable=False, help_text=_("Version of the Shop's order whose news was applied last.")
    )

    objects = WorkOrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("work order")
        verbose_name_plural = _("work orders")
        ordering = ["-position"]
        triggers = cached_table(key="number", state="status")
        constraints = [
            *sound_order("mes_work_order", "created_at", "updated_at"),
            models.CheckConstraint(
                condition=Q(position__range=(0, LAST_POSITION)), name="mes_work_order_position"
            ),
            models.UniqueConstraint(
                fields=["partner", "external_id"],
                condition=~Q(external_id=""),
                name="mes_work_order_external_id",
            ),
            # An order has an operator exactly when its status says so: no writer can break a claim.
            models.CheckConstraint(
                condition=Q(status__in=[*_UNCLAIMED, Status.CANCELLED], operator=None)
                | (~Q(status__in=[*_UNCLAIMED, Status.CANCELLED]) & Q(operator__isnull=False)),
                name="mes_work_order_operator",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-position"], name="mes_board_status"),
            models.Index(fields=["material", "-position"], name="mes_board_material"),
            models.Index(fields=["status", "material", "-position"], name="mes_board_both"),
            models.Index(
                F("position").desc(), condition=Q(status__in=_UNCLAIMED), name="mes_board_unclaimed"
            ),
            models.Index(
                fields=["operator", "-position"],
                condition=Q(operator__isnull=False),
                name="mes_board_operator",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @cached_property
    def measurement(self) -> "Measurement | None":
        """What was found in the model's file; None before it was measured."""
        return Measurement.objects.filter(sha256=self.model["sha256"]).first()


class WorkOrderStatusChange(StatusChange):
    """One line of a work order's timeline."""

    work_order = models.ForeignKey(WorkOrder, models.CASCADE, related_name="history")

    class Meta(StatusChange.Meta):
        indexes = [models.Index(fields=["at"], name="mes_history_at")]


class Measurement(models.Model):
    """What was found in a model file: equal files are measured, and drawn, once (``mes.measurements``)."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    edition = models.PositiveSmallIntegerField(
        help_text="``mes.geometry.EDITION`` of the code that measured."
    )
    found = models.JSONField(help_text='{"solid": ...} as ``Solid.to_json`` gives it, or {"reason": ...}.')
    seconds = models.FloatField(help_text="How long it took by the clock.")
    measured_at = models.DateTimeField(auto_now=True)
    uses = models.PositiveIntegerField(default=1, help_text="How often a price was asked for this file.")

    class Meta:
        verbose_name = _("measurement")
        verbose_name_plural = _("measurements")

    def __str__(self) -> str:
        return self.sha256


class Tariff(models.Model):
    """What a material costs to buy and to work; edited in the admin, used by the next pricing."""

    material = models.CharField(_("material"), max_length=20, choices=Material, unique=True)
    density_g_cm3 = models.DecimalField(
        _("density, g/cm³"), max_digits=6, decimal_places=3, validators=[MinValueValidator(Decimal("0.001"))]
    )
    price_per_gram = models.DecimalField(
        _("metal, price per gram"), max_digits=10, decimal_places=2, validators=[MinValueValidator(0)]
    )
    making_fee = models.DecimalField(
        _("making, fee per piece"), max_digits=10, decimal_places=2, validators=[MinValueValidator(0)]
    )
    making_per_gram = models.DecimalField(
        _("making, price per gram"), max_digits=10, decimal_places=2, validators=[MinValueValidator(0)]
    )
    lead_days = models.PositiveSmallIntegerField(
        _("lead time, days"), help_text=_("Days from approval to the due date.")
    )

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        ordering = ["material"]

    def __str__(self) -> str:
        return self.get_material_display()
