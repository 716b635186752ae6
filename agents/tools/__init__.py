"""The public API of tools: what a module with tools of its own imports, and nothing else.

    from agents.tools import ToolContext, ToolError, tool

    @tool(effect="read_only")
    def weather(city: str) -> str:
        \"\"\"The weather in a city.\"\"\"

A folder here is one built-in tool: `tool.py`, and beside it what it keeps (`models.py`, `store.py`) and the admin's
page of that (`admin.py`). Other tools come by the ways that `agents/extensions.py` tells.
"""

from agents.tools.base import (
    Probe,
    Probed,
    Progress,
    Storage,
    StoredNote,
    Tool,
    Toolbox,
    ToolContext,
    ToolError,
    ToolResult,
    Toolset,
    kept_by,
    tool,
)

__all__ = [
    "Probe",
    "Probed",
    "Progress",
    "Storage",
    "StoredNote",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolResult",
    "Toolbox",
    "Toolset",
    "kept_by",
    "tool",
]
