"""What do administrators see of users, groups and API tokens?"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import ApiToken, User
from accounts.services import token_issue, token_revoke

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Django's page of groups, in this admin's look."""

    # Plain lists: Django's pair is wider than a tablet, and its search is nameless to screen readers.
    filter_horizontal = ()


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Django's page of users with the language added."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), (_("Preferences"), {"fields": ("language",)}))
    filter_horizontal = ()
    show_full_result_count = False


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Tokens are issued and revoked, never changed; the key is shown once, the digest never."""

    list_display = ("name", "user", "ending", "created_at", "expires_at", "state")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    ordering = ("-id",)
    show_full_result_count = False
    fields = ("user", "name", "expires_at")
    autocomplete_fields = ("user",)
    actions = ("revoke",)

    @display(description=_("Key"))
    def ending(self, token: ApiToken) -> str:
        """The last characters of the key, by which its owner knows it."""
        return f"…{token.hint}"

    @display(description=_("State"), label={"usable": "success", "expired": "warning", "revoked": "danger"})
    def state(self, token: ApiToken) -> tuple[str, str]:
        """Whether the token still opens the door."""
        if token.revoked_at:
            return "revoked", str(_("revoked"))
        if token.expires_at and token.expires_at <= timezone.now():
            return "expired", str(_("expired"))
        return "usable", str(_("usable"))

    @action(description=_("Revoke the selected tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Close the selected tokens for good."""
        revoked = sum(token_revoke(token=token) for token in queryset)
        messages.success(request, _("Tokens revoked: %(number)d.") % {"number": revoked})

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever could change tokens, were there anything to change, may revoke them."""
        return request.user.has_perm("accounts.change_apitoken")

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Nobody changes a token."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: ModelForm, change: bool) -> None:
        """Issue the token and show its key, this once."""
        token, key = token_issue(user=obj.user, name=obj.name, expires_at=obj.expires_at)
        obj.pk, obj.digest, obj.hint = token.pk, token.digest, token.hint
        obj._state.adding = False
        text = _("The key of “%(name)s” is %(key)s. It is not kept and will not be shown again.")
        messages.warning(request, text % {"name": token.name, "key": key})

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """An issued token shows its dates as well."""
        return (*self.fields, "created_at", "revoked_at") if obj else ()
