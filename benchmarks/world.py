"""The data: work orders, every tenth of them unclaimed, and a Shop order."""

from django.contrib.auth.models import Group
from django.db import connection

from accounts.models import User
from accounts.roles import Role
from mes.models import WorkOrder
from shop.models import Order

#: Every tenth order is unclaimed, in turn of four statuses.
UNCLAIMED_EVERY = 10
_FILL = """
INSERT INTO mes_workorder (number, external_id, status, position, title, material, quantity, engraving,
    comment, model, price, price_breakdown, currency, flag, operator_id, operator_name, created_at,
    updated_at, shop_version, version)
SELECT 'A-' || upper(lpad(to_hex(n), 8, '0')), '',
    CASE WHEN n %% %(every)s = 0
        THEN (ARRAY['SUBMITTED', 'PRICE_CALCULATED', 'PRICING_FAILED',
            'MANUFACTURING_APPROVED'])[1 + n / %(every)s %% 4]
        ELSE (ARRAY['MANUFACTURING_STARTED', 'SHIPPED', 'CLOSED'])[1 + n %% 3] END,
    nextval('mes_position'), 'Ring ' || n,
    (ARRAY['silver_925', 'gold_585', 'gold_750', 'platinum_950', 'brass'])[1 + n %% 5], 1 + n %% 3, '', '',
    json_build_object('name', 'ring.stl', 'size', 684, 'sha256', repeat('ab', 32), 'kind', 'stl'),
    120 + n %% 100, NULL, 'EUR', '',
    CASE WHEN n %% %(every)s = 0 THEN NULL ELSE %(operator)s END,
    CASE WHEN n %% %(every)s = 0 THEN '' ELSE 'Olga Berg' END,
    now() - (%(orders)s - n) * interval '1 second', now(), 0, 0
FROM generate_series(1, %(orders)s) AS n
"""


def make(orders: int, every: int = UNCLAIMED_EVERY) -> tuple[User, User, Order]:
    """Fill the tables unless they hold exactly this many; returns an operator, a client and an order."""
    operator = user("olga", Role.OPERATOR)
    client = user("alice", Role.CLIENT)
    if WorkOrder.objects.count() != orders:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE mes_workorder CASCADE")
            cursor.execute(_FILL, {"every": every, "orders": orders, "operator": operator.pk})
            cursor.execute("TRUNCATE caching_change")
            cursor.execute("ANALYZE mes_workorder")
    order = Order.objects.filter(client=client).first() or Order.objects.create(
        client=client, title="Ring", material="silver_925", quantity=1
    )
    return operator, client, order


def user(name: str, role: Role) -> User:
    """Somebody in this role."""
    shown = {"first_name": name.capitalize(), "is_staff": role == Role.OPERATOR}
    found = User.objects.update_or_create(username=name, defaults=shown)[0]
    found.groups.add(Group.objects.get(name=role))
    return found
