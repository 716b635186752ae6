"""The OpenAPI descriptions of what the page asks over HTTP (chat/http/pages.py), as one, for schemathesis."""

from __future__ import annotations

import json
from typing import Any

from chat.entrances.schedules import urls as schedules
from chat.entrances.triggers import urls as triggers
from chat.entrances.web import urls as web
from chat.http.pages import PageApi

Json = dict[str, Any]

APIS: tuple[PageApi, ...] = (schedules.API, triggers.API, web.API)
#: Answers that are no JSON.
FILES = {
    "/export": ("text/markdown", "application/json"),
    "/{attachment}": ("text/plain", "image/png", "image/jpeg"),
}


def description() -> Json:
    """The whole: addresses without the kinds of their parameters, as the server has them (tests/hostile/routes.py)."""
    whole: Json = {"openapi": "3.1.0", "info": {"title": "What the page asks", "version": "1"}, "paths": {}}
    parts: Json = {}
    for api in APIS:
        one = api.described()
        parts |= one["components"]["schemas"]
        for path, operations in one["paths"].items():
            for operation in operations.values():
                _completed(path, operation)
            whole["paths"][path] = operations
    found: Json = json.loads(json.dumps({**whole, "components": {"schemas": parts}}))
    return found


def _completed(path: str, operation: Json) -> None:
    """What the tester has to know besides: below an address that is none, because its id is no UUID, there is only
    GET; and a file is an answer of its own kind. Cookie and token are the tester's business."""
    operation.pop("security", None)
    operation["responses"]["405"] = {"description": "Not so"}
    for end, kinds in FILES.items():
        if path.endswith(end) and "200" in operation["responses"] and "get" in operation["operationId"]:
            operation["responses"]["200"] = {"description": "A file", "content": {kind: {} for kind in kinds}}
