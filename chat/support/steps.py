"""A budget of steps for work whose size other people choose.

Who does such work takes a step for each thing that is looked at. The work ends when the budget is spent, at the same
place on every machine: unlike a deadline it does not depend on how busy the machine is.
"""


class TooManySteps(ValueError):
    """The budget is spent. The text says so to whoever wrote what was being worked on."""


class Steps:
    """So many steps and no more. For one piece of work, in one thread."""

    __slots__ = ("left",)

    def __init__(self, limit: int) -> None:
        self.left = limit

    def take(self, count: int = 1) -> None:
        """Spend some. Raises TooManySteps."""
        self.left -= count
        if self.left < 0:
            raise TooManySteps("It would take too long on what is looked at here.")
