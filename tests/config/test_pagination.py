"""Do pages by keyset show every row exactly once, and is a bad cursor or limit refused?"""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import User
from events.http import decode_cursor, encode_cursor, next_page_url

pytestmark = [pytest.mark.urls("tests.config.probes"), pytest.mark.django_db]
BIGINTS = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture
def users() -> list[int]:
    """Ids of 23 users, newest first."""
    made = User.objects.bulk_create(User(username=f"user{number}") for number in range(23))
    return sorted((user.pk for user in made), reverse=True)


def walk(client: Client, address: str | None) -> list[list[int]]:
    """The ids on each page, following `next` to the end."""
    pages = []
    while address:
        body = client.get(address).json()
        pages.append([row["id"] for row in body["results"]])
        address = body["next"]
    return pages


@pytest.mark.parametrize("limit", [1, 7, 22, 23, 24, 200])
def test_walking_all_pages_shows_every_row_once_newest_first(
    client: Client, users: list[int], limit: int
) -> None:
    pages = walk(client, f"/api/users/?limit={limit}")
    assert [pk for page in pages for pk in page] == users
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


def test_rows_that_come_and_go_meanwhile_disturb_no_page(client: Client, users: list[int]) -> None:
    first = client.get("/api/users/?limit=10").json()
    User.objects.create_user("newcomer")
    User.objects.get(pk=users[9]).delete()
    rest = walk(client, first["next"])
    assert [pk for page in rest for pk in page] == users[10:]


def test_an_empty_list_is_one_empty_page(client: Client) -> None:
    assert client.get("/api/users/").json() == {"results": [], "next": None, "count": None}


def test_a_page_has_fifty_rows_unless_told(client: Client) -> None:
    User.objects.bulk_create(User(username=f"user{number}") for number in range(60))
    assert [len(page) for page in walk(client, "/api/users/")] == [50, 10]


def test_a_page_costs_one_query(
    client: Client, users: list[int], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        client.get(f"/api/users/?limit=5&cursor={encode_cursor(users[3])}")


def test_a_view_that_knows_its_count_says_it(client: Client, users: list[int]) -> None:
    assert client.get("/api/counted/").json()["count"] == 42


def test_next_keeps_the_other_parameters(client: Client, users: list[int]) -> None:
    address = client.get("/api/users/?limit=3&status=A&status=B&empty=").json()["next"]
    assert address.startswith("http://testserver/api/users/?")
    query = parse_qs(urlsplit(address).query, keep_blank_values=True)
    (cursor,) = query.pop("cursor")
    assert query == {"limit": ["3"], "status": ["A", "B"], "empty": [""]}
    assert decode_cursor(cursor) == users[2]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "", "ten", "1.5", "٣", "1_0", " 5", "9" * 5000])
def test_a_bad_limit_is_refused_by_name(client: Client, limit: str) -> None:
    answer = client.get("/api/users/", {"limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert set(answer.json()["errors"]) == {"limit"}


@pytest.mark.parametrize("cursor", ["", "x", "12", "AAAAAAAAAA=", "AAAAAAAAAAB", "A" * 5000, "ÄAAAAAAAAAA"])
def test_a_bad_cursor_is_refused_by_name(client: Client, cursor: str) -> None:
    answer = client.get("/api/users/", {"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert set(answer.json()["errors"]) == {"cursor"}


@pytest.mark.parametrize("position", [-(2**63), -1, 0, 2**63 - 1])
def test_any_bigint_is_a_cursor_that_postgresql_takes(
    client: Client, users: list[int], position: int
) -> None:
    answer = client.get("/api/users/", {"cursor": encode_cursor(position)})
    assert len(answer.json()["results"]) == (len(users) if position > 0 else 0)


@given(BIGINTS)
def test_a_cursor_comes_back_as_its_position(position: int) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@given(st.text(max_size=12))
def test_any_other_text_is_no_cursor(text: str) -> None:
    try:
        position = decode_cursor(text)
    except ValueError:
        return
    assert encode_cursor(position) == text


@given(st.sets(BIGINTS, max_size=60), st.integers(1, 20))
def test_the_envelope_helpers_alone_walk_any_positions(positions: set[int], limit: int) -> None:
    """What a list without a queryset does: sort, cut after the cursor, name the next page."""
    newest_first = sorted(positions, reverse=True)
    seen: list[int] = []
    address: str | None = f"/list/?limit={limit}"
    while address:
        request = Request(APIRequestFactory().get(address))
        after = request.query_params.get("cursor")
        rest = [row for row in newest_first if after is None or row < decode_cursor(after)]
        seen += rest[:limit]
        address = next_page_url(request, rest[limit - 1]) if len(rest) > limit else None
    assert seen == newest_first
