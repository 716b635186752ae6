"""The command `holdfast` of the installed wheel: a trial, each process by its name, and Django's commands."""

from __future__ import annotations

import os
import sys

from scripts.processes import PROCESSES

USAGE = f"""\
Usage: holdfast run [--port N]   try it on this machine: everything under one supervisor
       holdfast NAME             one process of a server: {", ".join(PROCESSES)}
       holdfast manage …         Django's commands, such as createsuperuser
Settings are environment variables; docs/deployment.md lists them."""


def main() -> int:
    """Do what the first argument says; the exit status."""
    command, *arguments = sys.argv[1:] or [""]
    if command == "run":
        from scripts import stack

        return stack.main(arguments)
    if command == "manage":
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        from django.core.management import execute_from_command_line

        execute_from_command_line(["holdfast manage", *arguments])
        return 0
    if command in PROCESSES and not arguments:
        from scripts import processes

        return processes.main([command])
    print(USAGE, file=sys.stdout if command in ("-h", "--help") else sys.stderr)
    return 0 if command in ("-h", "--help") else 2


if __name__ == "__main__":
    sys.exit(main())
