"""`manage.py support_bundle`: a file to send to whoever helps, without secrets and without anybody's words."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.telemetry.bundle.masking import Mask, known_secrets
from chat.telemetry.bundle.sections import SECTIONS, logs
from config.health import look_around
from config.logs import redact

README = """\
What `manage.py support_bundle` has found of an installation of Holdfast. Secrets are left out or stand as ***, texts of
people and models are not in it. Look through it before you send it. A section that could not be had says why.
"""


class Command(BaseCommand):
    """Goes on when a part of the installation is away: that is when it is wanted."""

    help = "Writes what somebody who helps needs to know of this installation, without secrets and people's texts."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, help="the file to write (default: into the data folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file, which only its owner may read, and say where it is."""
        name = f"holdfast-support-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        path: Path = options["output"] or settings.HOLDFAST_DATA / name
        mask = Mask(known_secrets())
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", README)
            for section, tell in {**SECTIONS, "readiness.json": _readiness}.items():
                archive.writestr(section, mask(redact(_had(tell))))
            for log, text in logs():
                archive.writestr(f"logs/{log}", mask(redact(text)))
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(packed.getvalue())
        except OSError as problem:
            raise CommandError(
                f"{path} cannot be written ({problem.strerror}). Name another with --output."
            ) from None
        self.stdout.write(f"{path}")
        self.stderr.write("Look through it before you send it.")


def _had(tell: Callable[[], str]) -> str:
    try:
        return tell()
    except Exception as problem:
        return f"This could not be had: {type(problem).__name__}: {problem}"


def _readiness() -> str:
    found = async_to_sync(look_around)()
    told = {"ready": found.ready, "problems": found.problems, "warnings": found.warnings}
    return json.dumps(told, indent=1, ensure_ascii=False)
