from agents.tools.base import tool


@tool(effect="read_only")
def fetch_url(url: str) -> str:
    """Read."""
    return url
