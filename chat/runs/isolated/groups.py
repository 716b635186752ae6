"""Which suspects share a process: the bookkeeping of one worker's groups, without the processes."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Member:
    """A suspect that may have `limit` companions at most, itself included."""

    run: str
    limit: int


@dataclass(eq=False)
class Group:
    """Suspects that share a process, by conversation."""

    name: str
    members: dict[str, Member] = field(default_factory=dict)
    #: It takes nobody any more: its process is dead, or is about to end.
    closed: bool = False

    @property
    def limit(self) -> int:
        """How many it may have, by whoever of them may have the fewest companions; 0: it has nobody yet."""
        return min((member.limit for member in self.members.values()), default=0)


def room_in(groups: list[Group], limit: int, *, full: bool) -> Group | None:
    """The group that a run joins which may have `limit` companions; None: none has room. The fullest, so that others
    can end. `full`: no further group can be opened; then the one with the fewest is joined beyond its limit, because
    nobody shall wait for runs that may take hours. Whoever must be alone stays alone, and waits."""
    open_ones = [group for group in groups if not group.closed]
    fitting = [g for g in open_ones if len(g.members) < min(limit, g.limit or limit)]
    if fitting:
        return max(fitting, key=lambda g: len(g.members))
    if full and limit > 1:
        return min((g for g in open_ones if g.limit > 1), key=lambda g: len(g.members), default=None)
    return None
