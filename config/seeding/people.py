"""Who lives in the demo, with which password and which API token?"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.roles import Role
from accounts.services import token_issue

PASSWORD = "demo"  # noqa: S105 - it is meant to be known, and printed


@dataclass(frozen=True)
class Person:
    """Somebody of the demo. The administrator is a superuser; of the roles it has what a superuser lacks."""

    username: str
    name: str
    role: Role

    @property
    def is_superuser(self) -> bool:
        """Whether this is the administrator."""
        return self.username == "admin"

    @property
    def works_in_admin(self) -> bool:
        """Clients and partners have the API only."""
        return self.role not in (Role.CLIENT, Role.PARTNER)


#: Those who get a token each.
PEOPLE = (
    Person("admin", "Ada Lindqvist", Role.ENGINEER),
    Person("seller", "Selma Okafor", Role.SELLER),
    Person("partner", "Pavel Novák", Role.PARTNER),
    Person("client", "Clara Jensen", Role.CLIENT),
    Person("operator1", "Olga Berg", Role.OPERATOR),
    Person("operator2", "Omar Haddad", Role.OPERATOR),
    Person("operator3", "Oksana Kravets", Role.OPERATOR),
    Person("operator4", "Oliver Stone", Role.OPERATOR),
    Person("operator5", "Odile Martin", Role.OPERATOR),
)
#: Further clients, so that orders belong to many; they can log in nowhere, but own what they ordered.
OTHER_CLIENTS = tuple(
    Person(name.lower().replace(" ", "."), name, Role.CLIENT)
    for name in (
        "Anna Keller", "Boris Ivanov", "Carla Rossi", "Daniel Weber", "Elena Popova", "Felix Braun",
        "Greta Holm", "Hugo Laurent", "Irina Sokolova", "Jonas Vogel", "Katya Orlova", "Liam Murphy",
        "Maria Silva", "Nina Petrova", "Oscar Dahl", "Petra Novak", "Quentin Roux", "Rosa Marino",
        "Stefan Koch", "Tanja Lind",
    )
)  # fmt: skip


def ensure_people() -> dict[str, User]:
    """The demo's users by name, made where missing, each with the password and the roles of the demo.

    One slow hash serves all of them: the salt belongs to this installation, so a repeat finds the stored
    password unchanged and logs nobody out.
    """
    password = make_password(PASSWORD, salt=_secret("demo-salt").hex()[:32])
    groups = {role: Group.objects.get_or_create(name=role.value)[0] for role in Role}
    users = {}
    for person in (*PEOPLE, *OTHER_CLIENTS):
        user = _ensure_user(person, password)
        user.groups.add(groups[person.role])
        users[person.username] = user
    return users


def _ensure_user(person: Person, password: str) -> User:
    first_name, _, last_name = person.name.partition(" ")
    user, _created = User.objects.get_or_create(
        username=person.username,
        defaults={
            "first_name": first_name,
            "last_name": last_name,
            "email": f"{person.username}@example.com",
            "is_staff": person.works_in_admin,
            "is_superuser": person.is_superuser,
        },
    )
    if person in PEOPLE and (user.password != password or not user.is_active):
        user.password, user.is_active = password, True
        user.save(update_fields=["password", "is_active"])
    return user


def ensure_token(user: User) -> str:
    """The key of the user's demo token: always the same on one installation, made anew if it was revoked."""
    key = base64.urlsafe_b64encode(_secret(f"demo-token:{user.username}")).decode()[:40]
    usable = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    if not ApiToken.objects.filter(usable, digest=ApiToken.digest_of(key), user__is_active=True).exists():
        ApiToken.objects.filter(digest=ApiToken.digest_of(key)).delete()
        token_issue(user=user, name="demo", key=key)
    return key


def _secret(purpose: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), purpose.encode(), hashlib.sha256)
