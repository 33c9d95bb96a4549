"""Clients' orders, their timelines, stored answers."""

import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import caching.triggers
import events.vocabulary
import shop.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("caching", "0001_versions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.CharField(
                        default=shop.models.new_shop_number,
                        editable=False,
                        max_length=10,
                        unique=True,
                        verbose_name="number",
                    ),
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
                        default="INITIATED",
                        max_length=30,
                        verbose_name="status",
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
                        blank=True,
                        editable=False,
                        help_text="The uploaded file as events.model_files.StoredModel describes it.",
                        null=True,
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
                    "priced_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="priced"),
                ),
                ("due_date", models.DateField(blank=True, null=True, verbose_name="due date")),
                (
                    "cancel_requested",
                    models.BooleanField(default=False, editable=False, verbose_name="cancel requested"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated")),
                ("version", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "mes_version",
                    models.BigIntegerField(
                        default=0,
                        editable=False,
                        help_text="Version of the work order whose news was applied last.",
                    ),
                ),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="client",
                    ),
                ),
            ],
            options={
                "verbose_name": "order",
                "verbose_name_plural": "orders",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="OrderStatusChange",
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
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="history", to="shop.order"
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
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("request_digest", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField()),
                ("body", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "key"), name="shop_idempotency_key")],
            },
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["client", "-id"], name="shop_order_client"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["client", "status", "-id"], name="shop_order_client_status"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["status", "-id"], name="shop_order_status"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "PRICE_CALCULATED")),
                fields=["priced_at"],
                name="shop_order_quotes",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="version",
                sql=caching.triggers.CallSql(
                    execute="caching_set_version()",
                    func="",
                    hash="e920e2d20f4063d09131e604b391af2d2ca07a30",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_version_e5e61",
                    table="shop_order",
                    when="BEFORE",
                ),
            ),
        ),
    ]
