#!/usr/bin/env python
"""How engineers command the project: `manage.py <command>`, with the embedded servers held while it runs."""

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    from config import embedded

    if len(sys.argv) > 1 and sys.argv[1] not in {"help", "--help", "--version"}:
        embedded.hold()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
