"""An OpenAPI description of what the page asks over HTTP, for schemathesis.

These views have no public description, and need none: only our own page asks them. This one is made from the URL
configuration and from the models that read the bodies, and says what all of them promise (chat/http/api.py): every
error is `{code, detail, retry}`, and there is no other status.
"""

from __future__ import annotations

from typing import Any

from chat.entrances.schedules.validation import Draft
from chat.entrances.triggers.api import Wanted
from chat.entrances.web.copying import CopyAsked
from chat.entrances.web.keeping import Marks
from tests.hostile import routes

Json = dict[str, Any]

ERROR = {
    "type": "object",
    "required": ["code", "detail", "retry"],
    "additionalProperties": False,
    "properties": {
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "retry": {"type": "boolean"},
        "fields": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Field"}},
    },
}
FIELD = {
    "type": "object",
    "required": ["code", "detail"],
    "properties": {"code": {"type": "string"}, "detail": {"type": "string"}},
}
REFUSALS = ("400", "401", "403", "404", "409", "413", "415", "422", "429")
ID = {"id": {"type": "string", "format": "uuid"}}
#: What is sent, by method and address.
BODIES: dict[tuple[str, str], Json] = {
    ("POST", "/api/schedules"): Draft.model_json_schema(ref_template="#/components/schemas/{model}"),
    ("POST", "/api/schedules/preview"): Draft.model_json_schema(ref_template="#/components/schemas/{model}"),
    ("PATCH", "/api/schedules/{schedule}"): {
        "type": "object",
        "properties": {"state": {"enum": ["active", "paused"]}, "name": {"type": "string"}},
    },
    ("POST", "/api/schedules/{schedule}/run"): {"type": "object", "properties": ID},
    ("POST", "/api/triggers"): Wanted.model_json_schema(ref_template="#/components/schemas/{model}"),
    ("PATCH", "/api/triggers/{trigger}"): Wanted.model_json_schema(
        ref_template="#/components/schemas/{model}"
    ),
    ("POST", "/api/triggers/{trigger}/run"): {"type": "object", "properties": ID},
    ("POST", "/api/triggers/{trigger}/renew"): {"type": "object"},
    ("PATCH", "/api/notes/{number}"): {"type": "object", "properties": {"text": {"type": "string"}}},
    ("POST", "/api/marks"): Marks.model_json_schema(ref_template="#/components/schemas/{model}"),
    ("POST", "/api/conversations/{conversation}/copies"): CopyAsked.model_json_schema(
        ref_template="#/components/schemas/{model}"
    ),
    ("POST", "/api/conversations/import"): {
        "type": "object",
        "required": ["file"],
        "properties": {**ID, "file": {"type": "string", "format": "binary"}},
    },
    ("POST", "/api/attachments"): {
        "type": "object",
        "required": ["id", "file"],
        "properties": {**ID, "file": {"type": "string", "format": "binary"}},
    },
}
#: What may stand in the query string, by the end of the address.
QUERIES: dict[str, tuple[str, ...]] = {
    "/conversations": ("q", "before", "limit", "archived"),
    "/items": ("before", "limit", "branch"),
    "/history": ("before", "limit"),
    "/export": ("form",),
    "/find": ("q", "branch"),
    "/search": ("q", "kinds", "archived", "after"),
}
#: Answers that are no JSON.
FILES = {
    "/export": ("text/markdown", "application/json"),
    "/{attachment}": ("text/plain", "image/png", "image/jpeg"),
}


def description() -> Json:
    """The whole; every JSON view is in it, whatever has been added."""
    paths: dict[str, Json] = {}
    schemas: Json = {"Error": ERROR, "Field": FIELD}
    for route in routes.every():
        if route.is_json and route.methods and not route.path.endswith("{rest}"):
            for method in route.methods:
                if method != "HEAD":  # answered as GET is, without its body
                    made = _operation(route, method, schemas)
                    paths.setdefault(route.path, {})[method.lower()] = made
    about = {"title": "What the page asks", "version": "1"}
    return {"openapi": "3.1.0", "info": about, "paths": paths, "components": {"schemas": schemas}}


def _operation(route: routes.Route, method: str, schemas: Json) -> Json:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"}
            if kind == "uuid"
            else {"type": "string", "minLength": 1},
        }
        for name, kind in route.kinds
    ]
    for end, names in QUERIES.items():
        if route.path.endswith(end) and method == "GET":
            parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    found = next((kinds for end, kinds in FILES.items() if route.path.endswith(end)), ("application/json",))
    good = {"description": "Done", "content": {kind: {} for kind in found}}
    refused = {
        "description": "Refused",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    # Below an address that is none, because its id is no UUID, there is only GET.
    answers: Json = {
        "200": good,
        "201": good,
        **dict.fromkeys(REFUSALS, refused),
        "405": {"description": "Not so"},
    }
    made: Json = {"operationId": f"{method} {route.path}", "parameters": parameters, "responses": answers}
    body = BODIES.get((method, route.path))
    if method in ("POST", "PATCH"):
        body = dict(body or {"type": "object"})
        schemas.update(body.pop("$defs", {}))
        kind = "multipart/form-data" if "file" in body.get("properties", ()) else "application/json"
        made["requestBody"] = {"required": kind != "application/json", "content": {kind: {"schema": body}}}
    return made


def uncovered() -> list[str]:
    """JSON views whose bodies nobody has described here."""
    asked = [(m, r.path) for r in routes.every() if r.is_json for m in r.methods if m in ("POST", "PATCH")]
    return [f"{method} {path}" for method, path in asked if (method, path) not in BODIES]
