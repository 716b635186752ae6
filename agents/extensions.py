"""What can be added to the agents without a fork: tools that an app registers in its ready()."""

from agents.tools.base import Tool

_tools: dict[str, tuple[Tool, str]] = {}


class ExtensionError(ValueError):
    """Something that was registered cannot be used. The message names where it came from and what to do."""


def register_tools(tool: Tool, source: str) -> None:
    """Add a tool. `source`: the module that brings it. Raises ExtensionError for a name that is taken by another."""
    known = _tools.setdefault(tool.name, (tool, source))
    if known[0] is not tool:
        raise ExtensionError(
            f"Two tools are named {tool.name!r}: one of {known[1]}, one of {source}. Rename one, or remove the package "
            "that brings it."
        )


def registered() -> list[Tool]:
    """The tools that apps have registered, in their order."""
    return [tool for tool, _ in _tools.values()]
