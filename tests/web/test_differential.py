"""Is an answer that is given again the one the ordinary path would give? Thousands of requests, both ways."""

import random
from collections import Counter, deque
from contextlib import suppress

import pytest
from django.contrib.auth.models import Group

from accounts.models import ApiToken, User
from accounts.roles import Role
from accounts.services import token_issue, token_revoke
from events.errors import DomainError
from events.http import encode_cursor
from events.vocabulary import Material, Status
from mes import claims
from mes.models import WorkOrder
from shop.models import Order
from tests.caching.relays import SteppedRelay
from tests.desks import cookie, desk
from tests.factories import OrderFactory, WorkOrderFactory
from tests.web.wire import Answer, Site, ask, ordinary

pytestmark = pytest.mark.django_db(transaction=True)
REQUESTS = 1500
BOARD, LIVE, SHOP = "/api/v1/mes/orders/", "/admin/board/live/", "/api/v1/shop/orders/"


class World:
    """Callers, addresses and writes, drawn by a die."""

    def __init__(self, stepped_relay: SteppedRelay, people: dict[str, User], die: random.Random) -> None:
        self.relay, self.people, self.die = stepped_relay, people, die
        self.orders = [OrderFactory(client=people[name]) for name in ("alice", "clara")]
        statuses = [Status.SUBMITTED, Status.MANUFACTURING_APPROVED, Status.MANUFACTURING_APPROVED]
        for number in range(40):
            WorkOrderFactory(status=statuses[number % 3], material=list(Material)[number % 2])
        self.keys = {name: token_issue(user=user, name="test")[1] for name, user in people.items()}
        self.cookies = {name: cookie(desk(people[name])) for name in ("olga", "otto", "sam")}
        self.cursor = encode_cursor(WorkOrder.objects.earliest("position").position + 9)
        self.known: dict[str, str] = {}
        stepped_relay.settle()

    def credentials(self) -> dict[str, str]:
        """Somebody's, nobody's, or broken ones."""
        name = self.die.choice([*self.people, "session", "session", "nobody", "broken"])
        if name == "session":
            return {"cookie": self.die.choice(list(self.cookies.values()))}
        if name == "nobody":
            return {}
        key = self.keys.get(name, "no-such-key")
        shown = [{"authorization": f"Token {key}"}] * 6 + [{"authorization": f"Bearer {key}"}]
        return self.die.choice([*shown, {"authorization": f"Token {key}", "cookie": f"csrftoken={'a' * 32}"}])

    def address(self) -> str:
        """A page of the board, an order, the dashboard, or something that is refused."""
        order = self.die.choice(self.orders).number
        return self.die.choice(
            [
                BOARD, f"{BOARD}?status=MANUFACTURING_APPROVED", f"{BOARD}?limit=5", f"{BOARD}?limit=0",
                f"{BOARD}?status=SUBMITTED&material=SILVER_925&limit=3", f"{BOARD}?cursor={self.cursor}",
                f"{BOARD}?status=NONE", f"{BOARD}?operator=me", LIVE, f"{LIVE}?status=any",
                f"{LIVE}?status=x",
                f"{SHOP}{order}/", f"{SHOP}{order}/", f"{SHOP}A-00000000/", "/api/v1/mes/dashboard/",
                "/api/v1/mes/nothing/", BOARD, LIVE, f"{SHOP}{order}/",
            ]
        )  # fmt: skip

    def headers(self, address: str) -> dict[str, str]:
        """What a client may send besides."""
        etag = self.known.get(address, 'W/"x"')
        conditional = [
            etag,
            etag,
            f'{etag}, "b"',
            etag.removeprefix("W/"),
            "*",
            "no",
            f'"a", {etag}',
            "",
        ]
        headers = {"host": self.die.choice(["testserver"] * 9 + ["localhost:8000"])}
        if self.die.random() < 0.5:
            headers["if_none_match"] = self.die.choice(conditional)
        if self.die.random() < 0.05:
            headers["accept"] = self.die.choice(["*/*", "text/html", "application/json", "image/png"])
        if self.die.random() < 0.05:
            headers["accept_language"] = self.die.choice(["ru", "en", "de, ru;q=0.5"])
        if self.die.random() < 0.2:
            headers["accept_encoding"] = self.die.choice(["gzip, br", "gzip, br", "identity"])
        return headers

    def write(self) -> None:
        """Something that changes an answer, through the product or past it."""
        operator = self.people[self.die.choice(["olga", "otto"])]
        what = self.die.randrange(7)
        if what == 0:
            order = WorkOrder.objects.filter(status=Status.MANUFACTURING_APPROVED).order_by("?").first()
            with suppress(DomainError):
                claims.work_order_claim(number=order.number if order else "A-00000000", operator=operator)
        elif what == 1:
            WorkOrderFactory(status=Status.SUBMITTED)
        elif what == 2:
            order = Order.objects.order_by("?").first()
            order.title = f"Ring {self.die.random()}"
            order.save()
        elif what == 3:
            Order.objects.update(title=f"Bracelet {self.die.random()}")
        elif what == 4:
            User.objects.filter(pk=operator.pk).update(language=self.die.choice(["en", "ru"]))
        elif what == 5:
            operators = Group.objects.get(name=Role.OPERATOR)
            change = self.die.choice([operator.groups.remove, operator.groups.add, operator.groups.add])
            change(operators)
        else:
            name = self.die.choice(list(self.people))
            token_revoke(token=ApiToken.objects.get(digest=ApiToken.digest_of(self.keys[name])))
            self.keys[name] = token_issue(user=self.people[name], name="test")[1]
        self.relay.run_pass()


def test_both_ways_give_equal_answers(
    stepped_relay: SteppedRelay, olga: User, otto: User, sam: User, alice: User, clara: User
) -> None:
    people = {"olga": olga, "otto": otto, "sam": sam, "alice": alice, "clara": clara}
    die = random.Random(10)
    world, site, seen = World(stepped_relay, people, die), Site(), Counter[str]()
    recent: deque[tuple[str, str, dict[str, str]]] = deque(maxlen=8)
    for _ in range(REQUESTS):
        if die.random() < 0.015:
            world.write()
        if not recent or die.random() < 0.3:
            address, method = world.address(), die.choice(["GET"] * 8 + ["HEAD", "OPTIONS"])
            recent.append((address, method, world.credentials()))
        address, method, credentials = die.choice(recent)
        asked = {**world.headers(address), **credentials}
        ask(ordinary(), address, method, **asked)  # whoever asks first fills what is missing
        expected = ask(ordinary(), address, method, **asked)
        found = site.ask(address, method, **asked)
        assert found == expected, (address, method, asked)
        seen[found.status[:3]] += 1
        remember(world, address, found)
    assert {"200", "304", "400", "401", "403", "404"} <= set(seen), seen
    assert {status for _method, _view, status in site.replayed} == {"200", "304"}
    assert len(site.replayed) > REQUESTS / 20, len(site.replayed)


def remember(world: World, address: str, answer: Answer) -> None:
    """What a client would send the next time."""
    if etag := answer["ETag"]:
        world.known[address] = etag
