"""Tools that show how tools look, and do nothing else. They must not be offered to people who have a real model."""

from agents.tools import Toolset
from demo.tools.slow_research import slow_research
from demo.tools.unreliable import unreliable

TOOLS = Toolset("demo", "demonstration", (slow_research, unreliable))
