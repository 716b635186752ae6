"""What the model is told about a tool, read from its type hints and docstring."""

from typing import Annotated, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel, Field

from agents.extensions import toolbox
from agents.tools import ToolContext, tool
from agents.tools.signature import docstring


class Leaf(BaseModel):
    """A leaf."""

    title: str


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


def parameters(one: Any) -> dict[str, Any]:
    return one.schema()["function"]["parameters"]


def test_types_descriptions_and_defaults_come_from_the_function():
    @tool
    def book(
        title: str,
        seats: Annotated[int, Field(ge=1, le=8)],
        price: float = 1.5,
        *,
        tags: list[str] | None = None,
    ) -> str:
        """Book a table.

        Only for today.

        Args:
            title (str): What the booking
                is for.
            seats: How many.

        Returns:
            A number.
        """
        return ""

    function = book.schema()["function"]
    assert function["name"] == "book"
    assert function["description"] == "Book a table.\n\nOnly for today."
    assert function["parameters"] == {
        "type": "object",
        "additionalProperties": False,
        "required": ["title", "seats"],
        "properties": {
            "title": {"type": "string", "description": "What the booking is for."},
            "seats": {"type": "integer", "minimum": 1, "maximum": 8, "description": "How many."},
            "price": {"type": "number", "default": 1.5},
            "tags": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                "default": None,
            },
        },
    }


def test_the_context_is_not_an_argument():
    @tool
    def plain(context: ToolContext) -> str:
        """Need nothing."""
        return ""

    assert parameters(plain) == {"type": "object", "additionalProperties": False, "properties": {}}


def test_models_are_written_out_in_place_and_keep_a_property_called_title():
    @tool
    def put(leaf: Leaf) -> str:
        """Put it."""
        return ""

    assert parameters(put)["properties"]["leaf"]["properties"] == {"title": {"type": "string"}}
    assert "$defs" not in parameters(put)


def test_a_model_that_holds_itself_stays_a_reference_that_resolves():
    @tool
    def plant(tree: Tree) -> str:
        """Plant it."""
        return tree.name

    schema = parameters(plant)
    jsonschema.validate({"tree": {"name": "a", "children": [{"name": "b"}]}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"tree": {"name": "a", "children": [{"nom": "b"}]}}, schema)


def test_arguments_may_have_names_that_pydantic_uses_itself():
    @tool
    def odd(copy: str, schema: str, _x: int = 1, model_config: str = "") -> str:
        """Take odd names."""
        return f"{copy}{schema}{_x}"

    assert odd.signature.parse('{"copy": "a", "schema": "b", "_x": 2}') == {
        "copy": "a",
        "schema": "b",
        "_x": 2,
        "model_config": "",
    }


@pytest.mark.parametrize("text", ['{"n": NaN}', '{"n": Infinity}', "[" * 100_000, '{"n": 1e999}'])
def test_numbers_and_depths_that_are_no_json_are_refused(text: str):
    @tool
    def take(n: float) -> str:
        """Take it."""
        return ""

    with pytest.raises(ValueError):
        take.signature.parse(text)


def test_mistakes_are_found_when_the_tool_is_declared():
    with pytest.raises(TypeError, match="write a docstring"):
        tool(name="bare")(lambda: None)
    with pytest.raises(TypeError, match="give the argument 'x' a type"):

        @tool
        def untyped(x) -> None:
            """No type."""

    with pytest.raises(TypeError, match="cannot be filled from JSON"):

        @tool
        def star(*words: str) -> None:
            """Any number."""

    with pytest.raises(TypeError, match="describes y, which is no argument"):

        @tool
        def misspelt(x: int) -> None:
            """Describe.

            Args:
                y: Not there.
            """

    with pytest.raises(TypeError, match="is no tool name"):

        @tool(name="has space")
        def named() -> None:
            """A name."""

    for path in ("https://evil.example/x.js", "/x.js", "../x.js", "app/../x.js", "app/x.html", "app/.x.js"):
        with pytest.raises(TypeError, match="is no static path"):

            @tool(renderer=path)
            def drawn() -> None:
                """Results that are drawn."""

    with pytest.raises(TypeError, match="is no effect"):

        @tool(effect="none")
        def effect() -> None:
            """An effect."""

    with pytest.raises(TypeError, match="above 0"):

        @tool(timeout=0)
        def hasty() -> None:
            """No time."""


def test_a_docstring_without_sections_is_all_description():
    assert docstring("One.\n\nTwo: three.") == ("One.\n\nTwo: three.", {})


def test_every_built_in_schema_is_valid_json_schema_and_every_argument_is_described():
    for schema in toolbox().schemas(toolbox().names):
        jsonschema.Draft202012Validator.check_schema(schema["function"]["parameters"])
        for name, argument in schema["function"]["parameters"]["properties"].items():
            assert argument.get("description"), (schema["function"]["name"], name)
