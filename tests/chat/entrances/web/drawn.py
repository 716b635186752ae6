"""A tool whose results are drawn by a module of its package."""

from agents.tools.base import tool


@tool(effect="read_only", renderer="forecast/table.js")
def forecast(city: str) -> dict[str, object]:
    """The weather of tomorrow.

    city: where.
    """
    return {"city": city, "c": 21}
