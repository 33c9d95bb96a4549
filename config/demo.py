"""What does a shell need to talk to the running demo? `eval "$(make -s demo)"` sets URL and the tokens."""

import os
import shlex
import sys

import django

from config import embedded, run


def main() -> None:
    """Print `export NAME=value` for the address of the site and for a fresh token of each user."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    url = run.address()
    if url is None:
        sys.exit("The site does not run: start it with `make run`.")
    embedded.hold()
    django.setup()
    values = {"URL": url}
    values |= {f"{name.upper()}_TOKEN": user["token"] for name, user in run.demo_users().items()}
    print("export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items()))


if __name__ == "__main__":
    main()
