from agents.tools.base import tool


@tool(effect="read_only")
def calculator(url: str) -> str:
    """Read."""
    return url
