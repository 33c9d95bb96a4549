"""How often may somebody try a password?"""

import math
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import ngettext
from unfold.forms import AuthenticationForm

from config.throttling import RateLimiter

#: Tries of one name from one address: ten at once, then one every six seconds. A stranger who tries a name
#: elsewhere locks nobody out.
BY_NAME = RateLimiter(rate=1 / 6, burst=10)
#: Tries from one address, whatever the names: a whole workshop may sit behind it.
BY_ADDRESS = RateLimiter(rate=1, burst=60)


class LoginForm(AuthenticationForm):
    """The admin's login, throttled. Counted in the process, like the API's limit: no server's outage can
    lock anybody out, and each worker allows as much."""

    def clean(self) -> dict[str, Any]:
        """Refuse a try too many before the password is looked at: hashing it costs us more than the asker."""
        address = self.request.META.get("REMOTE_ADDR", "")
        name = str(self.cleaned_data.get("username", "")).casefold()
        wait = max(BY_NAME.wait_for(f"{name} {address}"), BY_ADDRESS.wait_for(address))
        if wait:
            seconds = math.ceil(wait)
            text = ngettext(
                "Too many attempts. Try again in %(n)d second.",
                "Too many attempts. Try again in %(n)d seconds.",
                seconds,
            )
            raise ValidationError(text % {"n": seconds}, code="throttled")
        cleaned: dict[str, Any] = super().clean()
        return cleaned
