"""The tools that agents can use: built-in ones here, those that apps bring, and any module that a deployment adds."""

from collections.abc import Iterable
from importlib import import_module

from agents.tools.base import Tool, Toolbox

#: Modules whose `Tool` objects every installation has, in the order in which people see them.
BUILT_IN: tuple[str, ...] = (
    "agents.tools.current_time",
    "agents.tools.calculator",
    "agents.tools.fetch_url",
    "agents.tools.notes",
    "agents.tools.slow_research",
    "agents.tools.unreliable",
)


def toolbox(extra: Iterable[str] = ()) -> Toolbox:
    """The built-in tools, those that apps have registered, and those of the modules named in `extra` (dotted names).

    Raises ImportError for a module that is not there, and ValueError for a name used twice or a module
    without any tool: a typo in the settings must fail at start.
    """
    from agents import extensions  # which imports this package

    found = extensions.registered()
    for name in (*BUILT_IN, *extra):
        tools = [value for value in vars(import_module(name)).values() if isinstance(value, Tool)]
        own = [tool for tool in tools if tool.function.__module__ == name]
        if not own:
            raise ValueError(f"{name} defines no tool; mark a function with @tool, or take it off the list")
        found += own
    return Toolbox(found)
