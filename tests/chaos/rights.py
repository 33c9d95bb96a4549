"""Who is let in that may not be? People whose right to enter is taken and given back, and who ask and ask.

``python -m tests.chaos.rights <plan> <name>`` until SIGTERM: half of them have an API token, half a session
in the admin. Their rights go by the product's own ways and by psql; each change is noted when its COMMIT was
acknowledged. One whose COMMIT was not leaves open what is so, until the next.
"""

import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import django
import requests

django.setup()

from django.contrib.auth.models import Group  # noqa: E402 - models need django.setup()
from django.contrib.sessions.backends.base import UpdateError  # noqa: E402
from django.db import DatabaseError, InterfaceError, connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import ApiToken, Session, User  # noqa: E402
from accounts.roles import Role  # noqa: E402
from accounts.services import token_issue, token_revoke  # noqa: E402
from tests.chaos.notes import LET_IN, SENT_AWAY, Entry, Notebook, Right, now  # noqa: E402
from tests.chaos.plan import Plan  # noqa: E402
from tests.desks import cookie  # noqa: E402

PEOPLE = 6
PATIENCE = 5.0
#: How likely a right is taken, or given back, after a question; and seconds until the next question.
TAKEN, GIVEN, PAUSE = 0.15, 0.06, 0.002
#: What a change may meet while PostgreSQL is killed.
LOST = (DatabaseError, InterfaceError, UpdateError)

Change = Callable[[], object]


@dataclass(eq=False)
class Person:
    """Somebody who asks for the board, and may or may not."""

    name: str
    user: User
    url: str
    headers: dict[str, str]
    changes: dict[str, tuple[Change, Change]]
    back: Change | None = None  # what gives the right back; None: it is there
    etag: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, conditional: bool) -> int:
        """The status of an answer. Raises requests' errors."""
        headers = {**self.headers, **({"If-None-Match": self.etag} if conditional and self.etag else {})}
        answer = self.session.get(self.url, headers=headers, timeout=PATIENCE, allow_redirects=False)
        self.etag = answer.headers.get("ETag", "") if answer.status_code == 200 else self.etag
        return answer.status_code


def sql(text: str, *params: object) -> None:
    """A statement past the product, as psql would send it."""
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def ways(user: User) -> dict[str, tuple[Change, Change]]:
    """How a user loses the right to enter, and gets it back, whatever is shown at the door."""
    group = Group.objects.get(name=Role.OPERATOR)

    def activate(is_active: bool) -> None:
        user.is_active = is_active
        user.save(update_fields=["is_active"])

    active = "UPDATE accounts_user SET is_active = %s WHERE id = %s"
    leave = "DELETE FROM accounts_user_groups WHERE user_id = %s"
    join = "INSERT INTO accounts_user_groups (user_id, group_id) VALUES (%s, %s)"
    return {
        "inactive": (lambda: activate(False), lambda: activate(True)),
        "inactive by psql": (lambda: sql(active, False, user.pk), lambda: sql(active, True, user.pk)),
        "role": (lambda: user.groups.remove(group), lambda: user.groups.add(group)),
        "role by psql": (lambda: sql(leave, user.pk), lambda: sql(join, user.pk, group.pk)),
    }


def with_token(url: str, name: str, user: User) -> Person:
    """Somebody who calls the API; the token can be taken as well."""
    token, key = token_issue(user=user, name="chaos")
    person = Person(
        name, user, f"{url}/api/v1/mes/orders/?limit=20", {"Authorization": f"Token {key}"}, ways(user)
    )
    revoked = "UPDATE accounts_apitoken SET revoked_at = %s WHERE id = %s"

    def revoke() -> None:
        sql(revoked, timezone.now(), token.pk)

    def restore() -> None:
        sql(revoked, None, token.pk)

    def delete() -> None:
        ApiToken.objects.get(pk=token.pk).delete()

    def issue_again() -> None:
        token.revoked_at = None  # whatever befell it in an earlier life
        token.save(force_insert=True)

    person.changes |= {
        "revoked": (lambda: token_revoke(token=token), restore),
        "revoked by psql": (revoke, restore),
        "deleted": (delete, issue_again),
    }
    return person


def with_session(url: str, name: str, user: User) -> Person:
    """Somebody in the admin, who can be logged out as well; who comes back has another session."""
    person = Person(name, user, f"{url}/admin/board/live/", {}, ways(user))

    def log_in() -> None:
        user.refresh_from_db()  # whose password may be another by now
        browser = Client()
        browser.force_login(user)
        person.headers = {"Cookie": cookie(browser)}

    def change_password() -> None:
        user.set_password(f"{random.random()}")
        user.save(update_fields=["password"])

    end = "DELETE FROM accounts_session WHERE user_id = %s"
    other = "UPDATE accounts_user SET password = '!' || random() WHERE id = %s"
    log_in()
    person.changes |= {
        "logged out": (lambda: [session.delete() for session in Session.objects.filter(user=user)], log_in),
        "logged out by psql": (lambda: sql(end, user.pk), log_in),
        "password": (change_password, log_in),
        "password by psql": (lambda: sql(other, user.pk), log_in),
    }
    return person


class Door:
    """Lets everybody ask in turn, and changes who may."""

    def __init__(self, plan: Plan, name: str) -> None:
        self.dice = random.Random(f"{plan.seed}{name}")
        self.notebook = Notebook(plan.folder, name)
        self.people: list[Person] = []
        while len(self.people) < PEOPLE:
            try:
                person = self._come(plan, len(self.people))
            except LOST:  # PostgreSQL is broken early, too
                connection.close()
                time.sleep(0.1)
            else:
                self.people.append(person)
                self.notebook.note(Right(person.name, "begins", True, now(), now()))

    def _come(self, plan: Plan, number: int) -> Person:
        name = f"guest{number}"
        user = User.objects.get_or_create(username=name, defaults={"is_staff": True})[0]
        user.groups.add(Group.objects.get(name=Role.OPERATOR))
        return (with_session if number % 2 else with_token)(plan.url, name, user)

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.wait(PAUSE):
            # Those who may not enter try harder.
            [person] = self.dice.choices(self.people, [1 if one.back is None else 4 for one in self.people])
            began = now()
            try:
                status = person.ask(self.dice.random() < 0.5)
            except requests.RequestException:  # the readers judge who gets no answer
                person.session.close()
            else:
                if status in (*LET_IN, *SENT_AWAY):
                    self.notebook.note(Entry(person.name, status, began, now()))
            if self.dice.random() < (TAKEN if person.back is None else GIVEN):
                self._change(person)
        self.notebook.close()

    def _change(self, person: Person) -> None:
        """Take the right, or give it back."""
        is_given = person.back is not None
        if person.back is None:
            way = self.dice.choice([*person.changes])
            take, person.back = person.changes[way]
            change, what = take, way
        else:
            change, what = person.back, "given back"
        began = now()
        try:
            change()
        except LOST:
            connection.close()
            self.notebook.note(Right(person.name, what, None, began, now()))
        else:
            self.notebook.note(Right(person.name, what, is_given, began, now()))
            if is_given:
                person.back = None


def main() -> None:
    """Ask and change until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Door(Plan.read(sys.argv[1]), sys.argv[2]).run(stop)


if __name__ == "__main__":
    main()
