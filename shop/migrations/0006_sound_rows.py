"""What no cache could show can not be written."""

import datetime

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("shop", "0005_timelines_by_sequence"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
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
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("material__in", ["brass", "gold_585", "gold_750", "platinum_950", "silver_925"])
                ),
                name="shop_order_material",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="shop_order_quantity"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("price__range", (0, "9999999999.99"))), name="shop_order_price"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("model__has_keys", ["name", "size", "sha256"])), name="shop_order_model"
            ),
        ),
        migrations.AddConstraint(
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
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("due_date__range", (datetime.date(1, 1, 1), datetime.date(9999, 12, 31))))
                ),
                name="shop_order_days",
            ),
        ),
        migrations.AddConstraint(
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
        migrations.AddConstraint(
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
    ]
