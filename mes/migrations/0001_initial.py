"""Work orders, their timelines, the tariff; the sequence behind the board's order."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import caching.triggers
import events.vocabulary
import mes.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("caching", "0001_versions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE mes_position", "DROP SEQUENCE mes_position"),
        migrations.CreateModel(
            name="Tariff",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "material",
                    models.CharField(
                        choices=[
                            ("silver_925", "Silver 925"),
                            ("gold_585", "Gold 585"),
                            ("gold_750", "Gold 750"),
                            ("platinum_950", "Platinum 950"),
                            ("brass", "Brass"),
                        ],
                        max_length=20,
                        unique=True,
                        verbose_name="material",
                    ),
                ),
                (
                    "density_g_cm3",
                    models.DecimalField(
                        decimal_places=3,
                        max_digits=6,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.001"))],
                        verbose_name="density, g/cm³",
                    ),
                ),
                (
                    "price_per_gram",
                    models.DecimalField(
                        decimal_places=2,
                        max_digits=10,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="metal, price per gram",
                    ),
                ),
                (
                    "making_fee",
                    models.DecimalField(
                        decimal_places=2,
                        max_digits=10,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="making, fee per piece",
                    ),
                ),
                (
                    "making_per_gram",
                    models.DecimalField(
                        decimal_places=2,
                        max_digits=10,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="making, price per gram",
                    ),
                ),
                (
                    "lead_days",
                    models.PositiveSmallIntegerField(
                        help_text="Days from approval to the due date.", verbose_name="lead time, days"
                    ),
                ),
            ],
            options={
                "verbose_name": "tariff",
                "verbose_name_plural": "tariffs",
                "ordering": ["material"],
            },
        ),
        migrations.CreateModel(
            name="WorkOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.CharField(editable=False, max_length=10, unique=True, verbose_name="number"),
                ),
                (
                    "external_id",
                    models.CharField(blank=True, max_length=100, verbose_name="external id"),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("INITIATED", "Initiated"),
                            ("FILE_UPLOADED", "File uploaded"),
                            ("SUBMITTED", "Submitted"),
                            ("PRICE_CALCULATED", "Price calculated"),
                            ("PRICING_FAILED", "Pricing failed"),
                            ("MANUFACTURING_APPROVED", "Manufacturing approved"),
                            ("MANUFACTURING_STARTED", "Manufacturing started"),
                            ("MANUFACTURING_COMPLETED", "Manufacturing completed"),
                            ("PACKAGING", "Packaging"),
                            ("SHIPPED", "Shipped"),
                            ("CLOSED", "Closed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="SUBMITTED",
                        max_length=30,
                        verbose_name="status",
                    ),
                ),
                (
                    "position",
                    models.BigIntegerField(
                        db_default=mes.models.NextPosition(),
                        editable=False,
                        help_text="Order of the board: drawn at creation and again when the order becomes claimable.",
                        unique=True,
                        verbose_name="position",
                    ),
                ),
                ("title", models.CharField(max_length=120, verbose_name="title")),
                (
                    "material",
                    models.CharField(
                        choices=[
                            ("silver_925", "Silver 925"),
                            ("gold_585", "Gold 585"),
                            ("gold_750", "Gold 750"),
                            ("platinum_950", "Platinum 950"),
                            ("brass", "Brass"),
                        ],
                        max_length=20,
                        verbose_name="material",
                    ),
                ),
                (
                    "quantity",
                    models.PositiveIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                        verbose_name="quantity",
                    ),
                ),
                ("engraving", models.CharField(blank=True, max_length=60, verbose_name="engraving")),
                ("comment", models.TextField(blank=True, max_length=2000, verbose_name="comment")),
                (
                    "model",
                    models.JSONField(
                        help_text="The file as events.model_files.StoredModel describes it.",
                        verbose_name="3D model",
                    ),
                ),
                (
                    "price",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="price"
                    ),
                ),
                ("price_breakdown", models.JSONField(blank=True, null=True, verbose_name="price breakdown")),
                (
                    "currency",
                    models.CharField(
                        default=events.vocabulary.default_currency, max_length=3, verbose_name="currency"
                    ),
                ),
                (
                    "flag",
                    models.TextField(
                        blank=True,
                        help_text="Why the model looks suspicious, if it does: size, weight.",
                        verbose_name="flag",
                    ),
                ),
                ("due_date", models.DateField(blank=True, null=True, verbose_name="due date")),
                (
                    "operator_name",
                    models.CharField(
                        blank=True,
                        help_text="As it was at the claim.",
                        max_length=150,
                        verbose_name="operator's name",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated")),
                ("version", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "shop_version",
                    models.BigIntegerField(
                        default=0,
                        editable=False,
                        help_text="Version of the Shop's order whose news was applied last.",
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="claimed_work_orders",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="operator",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        blank=True,
                        help_text="Set when the order entered through the MES itself.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partner_work_orders",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="partner",
                    ),
                ),
            ],
            options={
                "verbose_name": "work order",
                "verbose_name_plural": "work orders",
                "ordering": ["-position"],
            },
        ),
        migrations.CreateModel(
            name="WorkOrderStatusChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "from_status",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("INITIATED", "Initiated"),
                            ("FILE_UPLOADED", "File uploaded"),
                            ("SUBMITTED", "Submitted"),
                            ("PRICE_CALCULATED", "Price calculated"),
                            ("PRICING_FAILED", "Pricing failed"),
                            ("MANUFACTURING_APPROVED", "Manufacturing approved"),
                            ("MANUFACTURING_STARTED", "Manufacturing started"),
                            ("MANUFACTURING_COMPLETED", "Manufacturing completed"),
                            ("PACKAGING", "Packaging"),
                            ("SHIPPED", "Shipped"),
                            ("CLOSED", "Closed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        max_length=30,
                        verbose_name="from",
                    ),
                ),
                (
                    "to_status",
                    models.CharField(
                        choices=[
                            ("INITIATED", "Initiated"),
                            ("FILE_UPLOADED", "File uploaded"),
                            ("SUBMITTED", "Submitted"),
                            ("PRICE_CALCULATED", "Price calculated"),
                            ("PRICING_FAILED", "Pricing failed"),
                            ("MANUFACTURING_APPROVED", "Manufacturing approved"),
                            ("MANUFACTURING_STARTED", "Manufacturing started"),
                            ("MANUFACTURING_COMPLETED", "Manufacturing completed"),
                            ("PACKAGING", "Packaging"),
                            ("SHIPPED", "Shipped"),
                            ("CLOSED", "Closed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        max_length=30,
                        verbose_name="to",
                    ),
                ),
                (
                    "actor_kind",
                    models.CharField(
                        choices=[
                            ("client", "Client"),
                            ("partner", "Partner"),
                            ("seller", "Seller"),
                            ("operator", "Operator"),
                            ("system", "System"),
                        ],
                        max_length=10,
                        verbose_name="by",
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "work_order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="history",
                        to="mes.workorder",
                    ),
                ),
            ],
            options={
                "verbose_name": "status change",
                "verbose_name_plural": "history",
                "ordering": ["-at", "-id"],
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="workorder",
            index=models.Index(fields=["status", "-position"], name="mes_board_status"),
        ),
        migrations.AddIndex(
            model_name="workorder",
            index=models.Index(fields=["material", "-position"], name="mes_board_material"),
        ),
        migrations.AddIndex(
            model_name="workorder",
            index=models.Index(fields=["status", "material", "-position"], name="mes_board_both"),
        ),
        migrations.AddIndex(
            model_name="workorder",
            index=models.Index(
                models.OrderBy(models.F("position"), descending=True),
                condition=models.Q(
                    (
                        "status__in",
                        ["MANUFACTURING_APPROVED", "PRICE_CALCULATED", "PRICING_FAILED", "SUBMITTED"],
                    )
                ),
                name="mes_board_unclaimed",
            ),
        ),
        migrations.AddIndex(
            model_name="workorder",
            index=models.Index(
                condition=models.Q(("operator__isnull", False)),
                fields=["operator", "-position"],
                name="mes_board_operator",
            ),
        ),
        migrations.AddConstraint(
            model_name="workorder",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("partner", "external_id"),
                name="mes_work_order_external_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="workorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("operator", None),
                        (
                            "status__in",
                            [
                                "MANUFACTURING_APPROVED",
                                "PRICE_CALCULATED",
                                "PRICING_FAILED",
                                "SUBMITTED",
                                "CANCELLED",
                            ],
                        ),
                    ),
                    models.Q(
                        models.Q(
                            (
                                "status__in",
                                [
                                    "MANUFACTURING_APPROVED",
                                    "PRICE_CALCULATED",
                                    "PRICING_FAILED",
                                    "SUBMITTED",
                                    "CANCELLED",
                                ],
                            ),
                            _negated=True,
                        ),
                        ("operator__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="mes_work_order_operator",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workorder",
            trigger=pgtrigger.compiler.Trigger(
                name="version",
                sql=caching.triggers.CallSql(
                    execute="caching_set_version()",
                    func="",
                    hash="ec0602e48ea1c1a3b93c4556835dc6949f5d1ea2",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_version_32bbf",
                    table="mes_workorder",
                    when="BEFORE",
                ),
            ),
        ),
    ]
