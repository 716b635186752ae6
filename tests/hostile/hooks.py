"""Has schemathesis ask as many people in turn: each of them may ask only so much (SCHEMATHESIS_HOOKS)."""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path
from typing import Any

import schemathesis

#: Names a file with one line for each session: its cookies, a tab, its CSRF token.
SESSIONS = "HOLDFAST_SESSIONS"

if SESSIONS in os.environ:
    _people = cycle(Path(os.environ[SESSIONS]).read_text().splitlines())

    @schemathesis.hook
    def before_call(context: Any, case: Any, **_: Any) -> None:
        """The next of them."""
        cookies, csrf = next(_people).split("\t")
        case.headers = {**(case.headers or {}), "Cookie": cookies, "X-CSRFToken": csrf}
