"""A press in the header's menu: in which language shall the pages speak to me?"""

from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import User


def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the choice with the user, and show the same page again; an unknown language is ignored."""
    language = request.POST.get("language", "")
    if request.method == "POST" and language in dict(settings.LANGUAGES):
        user = cast(User, request.user)
        user.language = language
        user.save(update_fields=["language"])
    back = request.POST.get("next") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = reverse("admin:index")
    return HttpResponseRedirect(back)
