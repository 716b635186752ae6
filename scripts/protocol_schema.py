"""Print the wire as one JSON schema, from which `frontend/src/sync/protocol.gen.ts` is made.

Usage: `python scripts/protocol_schema.py` in any folder; `npm run protocol` (in `frontend/`) calls it.

Pydantic writes unions and literals out wherever they are used. Here each gets its one name back, so that the
TypeScript says `code: RunCode | null` and `event: AnyEvent`, and so that a switch over `type` is exhaustive.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from agents import events
from agents.lifecycle import LIFECYCLES, Lifecycle
from chat import commands
from chat.entrances.web import protocol
from chat.session import views
from chat.session.state import WINDOW

Json = Any


def lifecycle_rows(table: Lifecycle[Any]) -> Json:
    """A lifecycle as the TypeScript reducer reads it; `to` null: the state stays, an object: the field `by` decides."""
    return {
        type: {
            "states": list(row.states),
            "to": dict(row.to) if isinstance(row.to, Mapping) else row.to,
            "by": row.by,
        }
        for type, row in table.types.items()
    }


#: Closed lists that get a name of their own in TypeScript.
LITERALS: dict[str, Any] = {
    name: getattr(module, name)
    for module, names in (
        (events, ("Effect", "CallStatus", "RunStatus", "StepStatus", "RunCode", "CallCode", "Incomplete")),
        (commands, ("ResultCode",)),
        (protocol, ("ErrorCode", "ResyncReason", "GoawayReason")),
    )
    for name in names
}
#: Discriminated unions that get a name of their own, and the field that tells their members apart.
UNIONS: dict[str, Any] = {
    "AnyEvent": events.AnyEvent,
    "Item": views.Item,
    "CommandBody": commands.CommandBody,
    "ClientFrame": protocol.ClientFrame,
    "ServerFrame": protocol.ServerFrame,
}
#: Models that are sent whole over HTTP.
PAGES: tuple[type[BaseModel], ...] = (
    protocol.Boot,
    protocol.ConversationList,
    protocol.ItemPage,
    protocol.SearchPage,
    protocol.PlacePage,
    protocol.CallDetail,
    protocol.AgentEntry,
)
CONSTANTS: dict[str, Any] = {
    "PROTOCOL": protocol.PROTOCOL,
    "MAX_TEXT": commands.MAX_TEXT,
    "MAX_NOTE": commands.MAX_NOTE,
    "MAX_ATTACHMENTS": commands.MAX_ATTACHMENTS,
    "WINDOW": WINDOW,
    #: The newest version of each type of event that this release reads (rule J3).
    "EVENT_VERSIONS": events.VOCABULARY.versions,
    #: The tables of agents/lifecycle.py: after which states an event may come, and what it leads to.
    **{table.name.upper(): lifecycle_rows(table) for table in LIFECYCLES},
}
#: Names that would hide a global of the language.
RENAMED = {"Error": "ErrorFrame", "InfoView": "Info", "ProgressView": "Progress"}

REF = "#/$defs/"
#: How a field is marked that is left out where it says nothing.
OPTIONAL = "optional"


def schema() -> Json:
    """The schema: one definition per model, union and literal. What the server sends has no optional field but those
    that are marked so, because they are not written where they say nothing."""
    sent = [*_members(protocol.ServerFrame), *PAGES]
    taken = _members(protocol.ClientFrame)
    _, out = models_json_schema([(model, "serialization") for model in sent])
    _, inward = models_json_schema([(model, "validation") for model in taken])
    defs: dict[str, Json] = {name: _all_required(body) for name, body in out["$defs"].items()}
    defs |= inward["$defs"]
    for name, union in UNIONS.items():
        defs[name] = {"oneOf": [{"$ref": REF + member.__name__} for member in _members(union)]}
    for name, literal in LITERALS.items():
        defs[name] = TypeAdapter(literal).json_schema()
    named = {name: _named(body, top=True) for name, body in defs.items()}
    roots = ["ClientFrame", "ServerFrame", *(page.__name__ for page in PAGES)]
    return {
        "title": "Wire",
        "description": "All that crosses the wire, by the name of its type.",
        "type": "object",
        "additionalProperties": False,
        "required": roots,
        "properties": {name: {"$ref": REF + name} for name in roots},
        "$defs": {RENAMED.get(name, name): body for name, body in sorted(named.items())},
    }


def _members(union: Any) -> tuple[type[BaseModel], ...]:
    """The models of an annotated union, in declared order."""
    members: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    return members


def _all_required(body: Json) -> Json:
    if "properties" not in body:
        return body
    fields = {name: dict(field) for name, field in body["properties"].items()}
    required = [name for name, field in fields.items() if not field.pop(OPTIONAL, False)]
    return {**body, "properties": fields, "required": required}


def _named(node: Json, *, top: bool = False) -> Json:
    """`node` with written-out unions and literals replaced by references, and without Pydantic's titles."""
    if isinstance(node, list):
        return [_named(child) for child in node]
    if not isinstance(node, dict):
        return node
    if not top and (name := _name_of(node)) is not None:
        return {"$ref": REF + name}
    if "$ref" in node:
        target = node["$ref"].removeprefix(REF)
        return {"$ref": REF + RENAMED.get(target, target)}
    out = {
        key: _named(value) for key, value in node.items() if key not in ("title", "discriminator", "default")
    }
    if isinstance(properties := node.get("properties"), dict):
        out["properties"] = {key: _named(value) for key, value in properties.items()}
    return out


def _name_of(node: Json) -> str | None:
    if "enum" in node:
        return next((n for n, lit in LITERALS.items() if list(get_args(lit)) == node["enum"]), None)
    if "oneOf" in node:
        refs = [child.get("$ref", "").removeprefix(REF) for child in node["oneOf"]]
        return next((n for n, u in UNIONS.items() if [m.__name__ for m in _members(u)] == refs), None)
    return None


if __name__ == "__main__":
    print(json.dumps({"schema": schema(), "constants": CONSTANTS}, indent=1))
