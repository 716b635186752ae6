"""A tool that always fails, to see what a failing tool looks like in the chat."""

from agents.tools import ToolError, tool


@tool(effect="read_only", timeout=5, default=True)
def unreliable(reason: str = "") -> str:
    """Fail, always. Use it only when the user asks for the failing tool.

    Args:
        reason: What to say about the failure.
    """
    raise ToolError(f"This tool always fails; that is its purpose. {reason[:200]}".strip())
