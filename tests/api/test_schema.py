"""Does the API keep to its own OpenAPI description, whatever anybody in any role sends it?"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi import checks

from accounts.models import User
from accounts.services import token_issue
from config.wsgi import application
from events.model_files import store
from events.vocabulary import Status, new_number
from tests.factories import OrderFactory, WorkOrderFactory
from tests.solids import cube

# Schemathesis leaves downloads unread.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::ResourceWarning")]

# Not asked: that whatever the schema allows is accepted, and nothing else. It can't say which bytes are a
# model or that a title is more than blanks, and a number is gladly taken for text.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def described() -> Iterator[Any]:
    """The description as it is served, and the application behind it, in this test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield from_wsgi("/api/schema/", application)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def numbers(alice: User, paula: User, olga: User) -> list[str]:
    """Orders of alice and of paula in every status, in both contexts; and one number that is nobody's."""
    model = store(cube()).to_json()
    made = ["A-00000000"]
    for client, prefix in ((alice, "A"), (paula, "P")):
        for status in Status:
            order = OrderFactory(client=client, status=status, number=new_number(prefix), model=model)
            made.append(order.number)
            if status in (Status.INITIATED, Status.FILE_UPLOADED):
                continue
            partner = paula if client == paula else None
            order = WorkOrderFactory(number=order.number, status=status, partner=partner, model=model)
            if order.operator:
                order.operator = olga
                order.save()
    return made


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_who_may_call_gets_what_is_described(
    mode: GenerationMode, described: Any, numbers: list[str]
) -> None:
    for operation in operations(described):
        if mode is GenerationMode.POSITIVE or operation.body or operation.query:  # there is what to get wrong
            call_often(operation, numbers, key_of(who_may(operation)), mode, times=8)


@pytest.mark.parametrize("who", ["alice", "paula", "olga", "sam", "nobody"])
def test_who_may_not_call_is_told_so_as_described(
    who: str, described: Any, numbers: list[str], sam: User
) -> None:
    for operation in operations(described):
        call_often(operation, numbers, key_of(who), GenerationMode.POSITIVE, times=2)


def operations(described: Any) -> Iterator[Any]:
    return (operation.ok() for operation in described.get_all_operations())


def who_may(operation: Any) -> str:
    if "/shop/" in operation.path:
        return "alice"
    return "paula" if operation.label == "POST /api/v1/mes/orders/" else "olga"


def key_of(username: str) -> dict[str, str]:
    """The header by which the user calls; none for nobody."""
    user = User.objects.filter(username=username).first()
    return {"Authorization": f"Token {token_issue(user=user, name='test')[1]}"} if user else {}


def call_often(
    operation: Any, numbers: list[str], headers: dict[str, str], mode: GenerationMode, times: int
) -> None:
    """Send what the operation takes (positive), or what it should refuse, about orders that are there."""

    def cases(number: str) -> Any:
        return operation.as_strategy(generation_mode=mode, path_parameters={"number": number})

    @settings(
        max_examples=times,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.sampled_from(numbers).flatmap(cases))
    def call(case: Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    call()
