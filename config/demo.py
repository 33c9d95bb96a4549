"""What does a shell need to talk to the running demo? `eval "$(make -s demo)"` sets URL and the tokens."""

import os
import shlex
import sys

import django
from django.core.management import CommandError

from config import embedded, run


def main() -> None:
    """Print `export NAME=value ...` for the address of the site and the token of each user."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    url = run.address()
    if url is None:
        sys.exit("The site does not run: start it with `make run`.")
    embedded.hold()
    django.setup()
    try:
        users = run.demo_users("--orders=0")
    except CommandError as error:  # not on a site that may be real
        sys.exit(str(error))
    values = {"URL": url} | {f"{name.upper()}_TOKEN": user["token"] for name, user in users.items()}
    print("export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items()))


if __name__ == "__main__":
    main()
