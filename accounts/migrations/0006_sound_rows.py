"""What no cache could show can not be written: from now on; then what is there is looked at, without a lock."""

import datetime

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_log_update_in_one_statement"),
    ]

    atomic = False

    operations = [
        AddConstraintNotValid(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "expires_at__range",
                            (
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                                datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC),
                            ),
                        )
                    ),
                    models.Q(
                        (
                            "revoked_at__range",
                            (
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                                datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC),
                            ),
                        )
                    ),
                ),
                name="accounts_apitoken_moments",
            ),
        ),
        AddConstraintNotValid(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "expire_date__range",
                            (
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                                datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC),
                            ),
                        )
                    )
                ),
                name="accounts_session_moments",
            ),
        ),
        ValidateConstraint(model_name="apitoken", name="accounts_apitoken_moments"),
        ValidateConstraint(model_name="session", name="accounts_session_moments"),
    ]
