"""How does a row of the board look? Rendered once for all who read it in a language, until it changes."""

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from accounts.models import User
from caching.memo import Memo
from events.looks import age
from mes.board import Row
from mes.templatetags.work_orders import moment

_RENDERED: Memo[SafeString] = Memo(most=5000)


def row_html(row: Row, user: User, refused: str = "") -> SafeString:
    """The row's HTML. It depends on what it shows, and on what changes by itself: language, day and age."""
    is_mine = row["operator"] is not None and row["operator"]["id"] == user.pk
    since = moment(row["created_at"])
    key = (repr(row), get_language(), is_mine, since and age(since), timezone.localdate())
    html = None if refused else _RENDERED.get(key)
    if html is None:
        context = {"row": row, "is_mine": is_mine, "refused": refused}
        html = render_to_string("mes/board_row.html", context)
        if not refused:
            _RENDERED.put(key, html)
    return html
