"""Which words of the admin's frame has our catalogue to translate? django-unfold brings none but English."""

from django.utils.translation import gettext_noop, ngettext_lazy

WORDS = (
    gettext_noop("After you"),
    gettext_noop("All applications"),
    gettext_noop("Apply Filters"),
    gettext_noop("Cancel"),
    gettext_noop("Dark"),
    gettext_noop("Light"),
    gettext_noop("False"),
    gettext_noop("True"),
    gettext_noop("General"),
    gettext_noop("Go back"),
    gettext_noop("More actions"),
    gettext_noop("Next"),
    gettext_noop("Previous"),
    gettext_noop("No results found"),
    gettext_noop("No results matching your query"),
    gettext_noop("Return to site"),
    gettext_noop("Run"),
    gettext_noop("Select action"),
    gettext_noop("Select action to run"),
    gettext_noop("Select all rows"),
    gettext_noop("Select record"),
    gettext_noop("Select value"),
    gettext_noop("Submit"),
    gettext_noop("Toggle password visibility"),
    gettext_noop("Type to search"),
    gettext_noop("Expand row"),
    gettext_noop("Record picture"),
    gettext_noop("Forgotten your password or username?"),
    gettext_noop("Welcome back to"),
    gettext_noop(
        "Raw passwords are not stored, so there is no way to see this user’s password, but you can change "
        'the password using <a href="{}" class="text-primary-600 dark:text-primary-500">this form</a>.'
    ),
    gettext_noop("You have been successfully logged out from the administration"),
    ngettext_lazy("Please correct the error below.", "Please correct the errors below."),
    ngettext_lazy("%(counter)s result", "%(counter)s results"),
)
