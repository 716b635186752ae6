"""The middleware of the frontend's files, for clients of tests: each client makes its middleware anew, and to look for
all files takes 20 ms each time."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings

from config.static import StaticMiddleware


class KnownStaticMiddleware(StaticMiddleware):
    """As it is, with the files that the first one of this process has found with the same settings."""

    _found: ClassVar[dict[Any, dict[str, Any]]] = {}

    def add_files_from_finders(self) -> None:
        given = (self.static_prefix, str(self.static_root), tuple(map(str, settings.STATICFILES_DIRS)))
        if given not in self._found:
            super().add_files_from_finders()
            self._found[given] = dict(self.files)
        self.files.update(self._found[given])
