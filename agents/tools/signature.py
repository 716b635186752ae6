"""A function's signature and docstring, read as the schema of its arguments.

    schema        what the model is told (JSON Schema, inlined, without titles)
    arguments     a pydantic model that accepts exactly what the schema says

Everything that could go wrong here goes wrong when the tool is declared, not when a model calls it.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?):\s*$")
_ARGUMENT = re.compile(r"^(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


@dataclass(frozen=True)
class Signature:
    """What a tool's function takes: `fields` maps the model's own field names to argument names."""

    summary: str
    description: str
    arguments: type[BaseModel]
    fields: dict[str, str]
    schema: dict[str, Any]
    #: The parameter that gets the ToolContext, if the function wants one.
    context: str | None

    def parse(self, text: str) -> dict[str, Any]:
        """The keyword arguments in a model's JSON text. Raises pydantic.ValidationError.

        An empty text is no arguments: several providers send it for tools that take none.
        """
        parsed = self.arguments.model_validate_json(text if text.strip() else "{}")
        return {name: getattr(parsed, field) for field, name in self.fields.items()}


def read(function: Callable[..., Any], context_type: type) -> Signature:
    """The signature of a tool's function. Raises TypeError that names the function and what it lacks."""
    where = f"{function.__module__}.{function.__qualname__}"
    description, documented = docstring(inspect.getdoc(function) or "")
    if not description:
        raise TypeError(f"{where}: write a docstring; its first lines tell the model when to use the tool")
    hints = get_type_hints(function, include_extras=True)
    context: str | None = None
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{where}: {parameter} cannot be filled from JSON; use plain named arguments")
        if name not in hints:
            raise TypeError(f"{where}: give the argument {name!r} a type")
        if hints[name] is context_type:
            context = name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        # Own field names, with the argument's as alias: an argument may be called `copy` or `_x`.
        names[f"argument_{len(names)}"] = name
        extra = Field(alias=name, description=documented.pop(name, None))
        fields[f"argument_{len(names) - 1}"] = (Annotated[hints[name], extra], default)
    if documented:
        raise TypeError(f"{where}: the docstring describes {', '.join(documented)}, which is no argument")
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    model: type[BaseModel] = create_model("Arguments", __config__=config, **fields)
    return Signature(
        summary=description.split("\n\n")[0].replace("\n", " "),
        description=description,
        arguments=model,
        fields=names,
        schema=_plain(model.model_json_schema()),
        context=context,
    )


def docstring(text: str) -> tuple[str, dict[str, str]]:
    """The description of a Google-style docstring, and the description of each argument.

    >>> docstring("Add numbers.\\n\\nArgs:\\n    a: The first,\\n        of two.\\n    b: The second.")
    ('Add numbers.', {'a': 'The first, of two.', 'b': 'The second.'})
    """
    section = ""
    description: list[str] = []
    arguments: dict[str, str] = {}
    last, depth = "", 0
    for line in text.splitlines():
        if heading := _SECTION.match(line):
            section = heading[1]
            continue
        if not section:
            description.append(line)
        if section not in {"Args", "Arguments", "Parameters"} or not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        found = _ARGUMENT.match(line.strip())
        if found and (not last or indent <= depth):
            last, depth = found[1], indent
            arguments[last] = found[2].strip()
        elif last:
            arguments[last] = f"{arguments[last]} {line.strip()}".strip()
    return "\n".join(description).strip(), arguments


def explain(name: str, signature: Signature, error: ValidationError) -> str:
    """What was wrong with a call's arguments, in words that a model can act on. Values are not repeated."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False)[:8]:
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"- {place}: there is no such argument")
        elif problem["type"] == "missing":
            lines.append(f"- {place}: is missing")
        else:
            lines.append(f"- {place or 'arguments'}: {problem['msg']}")
    known = ", ".join(_describe(key, signature) for key in signature.schema.get("properties", {}))
    takes = f"{name} takes: {known}." if known else f"{name} takes no arguments."
    return "\n".join(
        [f"The arguments of {name} are not valid:", *lines, takes, "Call it again with valid ones."]
    )


def _describe(key: str, signature: Signature) -> str:
    schema = signature.schema["properties"][key]
    options = [str(option.get("type", "value")) for option in schema.get("anyOf", [])]
    kind = schema.get("type") or " or ".join(options) or "value"
    if "enum" in schema:
        kind = "one of " + ", ".join(map(str, schema["enum"]))
    return f"{key} ({kind}{', required' if key in signature.schema.get('required', []) else ''})"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with references inlined where they do not recurse (several providers do not follow
    `$ref`), and without pydantic's titles, which only cost tokens."""
    definitions = schema.get("$defs", {})
    kept: set[str] = set()

    def walk(node: Any, inside: tuple[str, ...], is_schema: bool = True) -> Any:
        if isinstance(node, list):
            return [walk(item, inside) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref") if is_schema else None
        if isinstance(reference, str):
            target = reference.removeprefix("#/$defs/")
            if target in inside:
                kept.add(target)
                return node
            beside = {key: value for key, value in node.items() if key != "$ref"}
            return walk({**definitions[target], **beside}, (*inside, target))
        return {
            # Under `properties` keys are argument names, and one may well be called `title`.
            key: walk(value, inside, is_schema=not (is_schema and key in {"properties", "default", "enum"}))
            for key, value in node.items()
            if not (is_schema and key in {"title", "$defs"})
        }

    plain: dict[str, Any] = walk(schema, ())
    if kept:
        plain["$defs"] = {key: walk(definitions[key], (key,)) for key in sorted(kept)}
    plain.setdefault("properties", {})
    return plain
