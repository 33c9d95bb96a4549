"""What the Shop keeps: clients' orders, their timelines, and answers that may be asked for again."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from caching.triggers import cached_table, version_field
from events.constraints import sound_order
from events.flags import flags_field
from events.history import StatusChange
from events.vocabulary import Material, Status, default_currency, new_number

MAX_QUANTITY = 1000


def new_shop_number() -> str:
    """A number of an order that enters at the Shop."""
    return new_number("A")


class Order(models.Model):
    """One order as its client sees it."""

    number = models.CharField(
        _("number"), max_length=10, unique=True, default=new_shop_number, editable=False
    )
    client = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders", verbose_name=_("client")
    )
    status = models.CharField(_("status"), max_length=30, choices=Status, default=Status.INITIATED)
    title = models.CharField(_("title"), max_length=120)
    material = models.CharField(_("material"), max_length=20, choices=Material)
    quantity = models.PositiveIntegerField(
        _("quantity"), validators=[MinValueValidator(1), MaxValueValidator(MAX_QUANTITY)]
    )
    engraving = models.CharField(_("engraving"), max_length=60, blank=True)
    comment = models.TextField(_("comment"), max_length=2000, blank=True)
    model = models.JSONField(
        _("3D model"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The uploaded file as events.model_files.StoredModel describes it."),
    )
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, null=True, blank=True)
    price_breakdown = models.JSONField(_("price breakdown"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default=default_currency)
    priced_at = models.DateTimeField(_("priced"), null=True, blank=True, editable=False)
    flags = flags_field()
    due_date = models.DateField(_("due date"), null=True, blank=True)
    cancel_requested = models.BooleanField(_("cancel requested"), default=False, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    version = version_field()
    mes_version = models.BigIntegerField(
        default=0, editable=False, help_text=_("Version of the work order whose news was applied last.")
    )

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-id"]
        triggers = cached_table(key="number", state="status")
        constraints = sound_order("shop_order", "created_at", "updated_at", "priced_at")
        indexes = [
            models.Index(fields=["client", "-id"], name="shop_order_client"),
            models.Index(fields=["client", "status", "-id"], name="shop_order_client_status"),
            models.Index(fields=["status", "-id"], name="shop_order_status"),
            models.Index(
                fields=["priced_at"],
                condition=models.Q(status=Status.PRICE_CALCULATED),
                name="shop_order_quotes",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class OrderStatusChange(StatusChange):
    """One line of an order's timeline. A line whose two statuses are the same tells of a refusal."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="history")

    class Meta(StatusChange.Meta):
        pass


class IdempotencyKey(models.Model):
    """The answer a client got under a key of its own, so that a repeat gets the same one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="shop_idempotency_key")]

    def __str__(self) -> str:
        return self.key
