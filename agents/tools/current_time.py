from agents.tools.base import tool


@tool(effect="read_only")
def current_time(url: str) -> str:
    """Read."""
    return url
