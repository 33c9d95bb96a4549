"""The test world's people and orders, made as a user would make them or as rows, as a test asks for."""

from typing import Any

import factory
from django.contrib.auth.models import Group
from factory.django import DjangoModelFactory

from accounts.models import User
from accounts.roles import Role
from events.vocabulary import UNCLAIMED, Material, Status, new_number
from mes.models import WorkOrder
from shop.models import Order

#: What a stored model looks like in a row; no such file is on disk.
MODEL = {"name": "ring.stl", "size": 684, "sha256": "ab" * 32, "kind": "stl"}


class UserFactory(DjangoModelFactory[User]):
    """A user; ``UserFactory(role=Role.OPERATOR)`` is in that group."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")

    @factory.post_generation
    def role(self, create: bool, extracted: Role | None, **_kwargs: Any) -> None:
        """Put the user into the role's group."""
        if extracted:
            self.groups.add(Group.objects.get_or_create(name=extracted)[0])


class OrderFactory(DjangoModelFactory[Order]):
    """A Shop order as a row, in whichever status."""

    class Meta:
        model = Order

    client = factory.SubFactory(UserFactory, role=Role.CLIENT)
    title = factory.Sequence(lambda n: f"Ring {n}")
    material = Material.SILVER_925
    quantity = 1
    status = Status.INITIATED
    model = factory.LazyAttribute(lambda order: None if order.status == Status.INITIATED else MODEL)


class WorkOrderFactory(DjangoModelFactory[WorkOrder]):
    """A work order as a row, in whichever status; with an operator where the status needs one."""

    class Meta:
        model = WorkOrder

    number = factory.LazyFunction(lambda: new_number("A"))
    title = factory.Sequence(lambda n: f"Ring {n}")
    material = Material.SILVER_925
    quantity = 1
    model = MODEL
    price = "120.00"
    status = Status.SUBMITTED
    operator = factory.LazyAttribute(
        lambda order: (
            None if order.status in {*UNCLAIMED, Status.CANCELLED} else UserFactory(role=Role.OPERATOR)
        )
    )
    operator_name = factory.LazyAttribute(lambda order: order.operator.display_name if order.operator else "")
