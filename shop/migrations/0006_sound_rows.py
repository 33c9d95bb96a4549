"""What no cache could show can not be written: from now on; then what is there is looked at, without a lock."""

import datetime

from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("shop", "0005_timelines_by_sequence"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    atomic = False

    operations = [
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "CANCELLED",
                            "CLOSED",
                            "FILE_UPLOADED",
                            "INITIATED",
                            "MANUFACTURING_APPROVED",
                            "MANUFACTURING_COMPLETED",
                            "MANUFACTURING_STARTED",
                            "PACKAGING",
                            "PRICE_CALCULATED",
                            "PRICING_FAILED",
                            "SHIPPED",
                            "SUBMITTED",
                        ],
                    )
                ),
                name="shop_order_status",
            ),
        ),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("material__in", ["brass", "gold_585", "gold_750", "platinum_950", "silver_925"])
                ),
                name="shop_order_material",
            ),
        ),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="shop_order_quantity"
            ),
        ),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("price__range", (0, "9999999999.99"))), name="shop_order_price"
            ),
        ),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("model__has_keys", ["name", "size", "sha256"])), name="shop_order_model"
            ),
        ),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "created_at__range",
                            (
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                                datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC),
                            ),
                        )
                    ),
                    models.Q(
                        (
                            "updated_at__range",
                            (
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                                datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC),
                            ),
                        )
                    ),
                    models.Q(
                        (
                            "priced_at__range",
                            (
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                                datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC),
                            ),
                        )
                    ),
                ),
                name="shop_order_moments",
            ),
        ),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("due_date__range", (datetime.date(1, 1, 1), datetime.date(9999, 12, 31))))
                ),
                name="shop_order_days",
            ),
        ),
        AddConstraintNotValid(
            model_name="orderstatuschange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "to_status__in",
                        [
                            "CANCELLED",
                            "CLOSED",
                            "FILE_UPLOADED",
                            "INITIATED",
                            "MANUFACTURING_APPROVED",
                            "MANUFACTURING_COMPLETED",
                            "MANUFACTURING_STARTED",
                            "PACKAGING",
                            "PRICE_CALCULATED",
                            "PRICING_FAILED",
                            "SHIPPED",
                            "SUBMITTED",
                        ],
                    )
                ),
                name="shop_orderstatuschange_status",
            ),
        ),
        AddConstraintNotValid(
            model_name="orderstatuschange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "at__range",
                            (
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                                datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC),
                            ),
                        )
                    )
                ),
                name="shop_orderstatuschange_moments",
            ),
        ),
        ValidateConstraint(model_name="order", name="shop_order_status"),
        ValidateConstraint(model_name="order", name="shop_order_material"),
        ValidateConstraint(model_name="order", name="shop_order_quantity"),
        ValidateConstraint(model_name="order", name="shop_order_price"),
        ValidateConstraint(model_name="order", name="shop_order_model"),
        ValidateConstraint(model_name="order", name="shop_order_moments"),
        ValidateConstraint(model_name="order", name="shop_order_days"),
        ValidateConstraint(model_name="orderstatuschange", name="shop_orderstatuschange_status"),
        ValidateConstraint(model_name="orderstatuschange", name="shop_orderstatuschange_moments"),
    ]
