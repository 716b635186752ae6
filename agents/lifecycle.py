"""What may become of a run, a step and a call: their lifecycles as tables.

A row says of an event after which states it may come, and to which state it leads. Whoever folds events asks the table
(`after`), and so does whoever decides what may be appended (`allows`): an event that does not fit the state that
something is in changes nothing of it, in any fold.

The tables are closed when this module is imported: each event of a family has its row, each row is of the vocabulary,
each state can be reached, and each word that an event may say leads somewhere. The diagrams in docs/protocol.md and the
tables of the TypeScript reducer are made from them (`make protocol`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

from agents import events as e

S = TypeVar("S", bound=str)

#: Where everything begins: it does not exist yet.
NEW: Literal["new"] = "new"
#: Families of events that belong to no lifecycle.
OTHERS = ("conversation.", "message.", "note.", "branch.", "history.")


@dataclass(frozen=True, slots=True)
class Row(Generic[S]):
    """After which states an event may come, and the state it leads to; None: it stays as it is. Where the event's own
    words decide, `by` names the field and `to` has an entry for each word."""

    states: "tuple[S | Literal['new'], ...]"
    to: S | Mapping[str, S] | None
    by: str = ""

    def words(self) -> "dict[str, S | None]":
        """What the event may say by `by`, and where that leads; one empty word where it does not matter."""
        return dict(self.to) if isinstance(self.to, Mapping) else {"": self.to}

    def targets(self) -> "tuple[S, ...]":
        """The states that it may lead to, its own aside."""
        return tuple(state for state in self.words().values() if state is not None)


class Lifecycle(Generic[S]):
    """One table. `families` are the beginnings of the types of its events; `births` are events of another family that
    bring it into being; `final` are the states in which nothing more becomes of it. Raises ValueError for a hole."""

    def __init__(
        self,
        name: str,
        states: tuple[S, ...],
        families: tuple[str, ...],
        rows: Mapping[type[e.Event], Row[S]],
        births: tuple[type[e.Event], ...] = (),
    ) -> None:
        self.name = name
        self.states = states
        self.rows = dict(rows)
        self.types = {type_of(kind): row for kind, row in rows.items()}
        moving = {state for row in rows.values() for state in row.states if set(row.targets()) - {state}}
        self.final: frozenset[str] = frozenset(states) - moving
        self.open: frozenset[str] = frozenset(states) & moving
        problems = [*self._rows_and_events(families, births), *self._states()]
        if problems:
            raise ValueError(f"The lifecycle of a {name} has holes: {'; '.join(problems)}.")

    def after(self, state: str, event: e.Event) -> S | None:
        """The state after `event`, or None if it does not fit: it changes nothing then."""
        row = self.rows.get(type(event))
        if row is None or state not in row.states:
            return None
        if isinstance(row.to, Mapping):
            return row.to.get(getattr(event, row.by))
        return row.to if row.to is not None else state  # type: ignore[return-value]  # one of its states

    def allows(self, state: str, kind: type[e.Event]) -> bool:
        """Whether an event of this kind may come in this state."""
        row = self.rows.get(kind)
        return row is not None and state in row.states

    def _rows_and_events(self, families: tuple[str, ...], births: tuple[type[e.Event], ...]) -> "list[str]":
        known = {type for type in e.VOCABULARY.types if type.startswith(families)} | set(map(type_of, births))
        problems = [f"{type} has no row" for type in sorted(known - self.types.keys())]
        problems += [f"{type} is no event of it" for type in sorted(self.types.keys() - known)]
        for kind, row in self.rows.items():
            if isinstance(row.to, Mapping):
                said = set(get_args(kind.model_fields[row.by].annotation))
                problems += [
                    f"{type_of(kind)} leads nowhere with {word}" for word in sorted(said ^ row.to.keys())
                ]
        return problems

    def _states(self) -> list[str]:
        named = {s for row in self.rows.values() for s in (*row.states, *row.targets())} - {NEW}
        problems = [f"{state} is no state of it" for state in sorted(named - set(self.states))]
        reached: set[str] = {NEW}
        while (
            more := {
                target for row in self.rows.values() if reached & set(row.states) for target in row.targets()
            }
            - reached
        ):
            reached |= more
        return problems + [f"{state} cannot be reached" for state in self.states if state not in reached]


def type_of(kind: type[e.Event]) -> str:
    """The type of an event as its text tells it."""
    return str(kind.model_fields["type"].default)


_OWNED: tuple[e.RunStatus, ...] = ("running", "recovering")
_ACTIVE: tuple[e.RunStatus, ...] = ("queued", "running", "waiting", "recovering")
_OPEN: tuple[e.CallStatus, ...] = ("proposed", "awaiting_approval", "queued", "running", "in_doubt")

#: `recovering` is said of a run whose lease has run out. Its owner may be alive, get the lease back and go on, so
#: whatever an owner says may come then, too.
RUN: Lifecycle[e.RunStatus] = Lifecycle(
    "run",
    get_args(e.RunStatus),
    ("run.",),
    {
        e.RunQueued: Row((NEW,), "queued"),
        e.RunStarted: Row(("queued", "recovering", "waiting"), "running"),
        e.RunRecovering: Row(("running",), "recovering"),
        e.RunWaiting: Row((*_OWNED, "waiting"), "waiting"),
        e.RunResumed: Row(("waiting",), "queued"),
        e.RunRetrying: Row(_OWNED, None),
        e.RunStopping: Row(_ACTIVE, None),
        e.RunFinished: Row(_OWNED, "finished"),
        e.RunFailed: Row(_ACTIVE, "failed"),
        e.RunStopped: Row(_ACTIVE, "stopped"),
    },
)

#: A step that was discarded leaves the transcript; one that is begun again moves to its new place.
STEP: Lifecycle[e.StepStatus] = Lifecycle(
    "step",
    get_args(e.StepStatus),
    ("step.",),
    {
        e.StepStarted: Row((NEW, "streaming"), "streaming"),
        e.StepFinished: Row(("streaming",), "finished"),
        e.StepStopped: Row(("streaming",), "stopped"),
        e.StepDiscarded: Row(("streaming",), "discarded"),
    },
)

CALL: Lifecycle[e.CallStatus] = Lifecycle(
    "call",
    get_args(e.CallStatus),
    ("approval.", "call."),
    {
        e.StepFinished: Row((NEW,), "proposed"),
        e.ApprovalAsked: Row(("proposed",), "awaiting_approval"),
        e.ApprovalDecided: Row(
            ("awaiting_approval",), {"approved": "queued", "refused": "awaiting_approval"}, by="decision"
        ),
        e.CallStarted: Row(("proposed", "queued"), "running"),
        e.CallProgress: Row(("running",), None),
        e.CallSettled: Row(
            _OPEN, {"succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}, by="status"
        ),
        e.CallInDoubt: Row(("running",), "in_doubt"),
        e.CallRetried: Row(("running", "in_doubt"), "queued"),
    },
    births=(e.StepFinished,),
)

LIFECYCLES: tuple[Lifecycle[str], ...] = (RUN, STEP, CALL)  # type: ignore[assignment]  # each has states of its own

#: Events that begin something, or put off its end: none of them follows once a stop was asked for (rule R7).
BEGINNINGS: tuple[type[e.Event], ...] = (
    e.StepStarted,
    e.ApprovalAsked,
    e.CallStarted,
    e.RunRetrying,
    e.RunWaiting,
)


def _closed() -> None:
    """Raise ValueError if an event belongs nowhere, or the lists in agents/events are not those of the tables."""
    told = {type for each in LIFECYCLES for type in each.types}
    homeless = sorted(type for type in e.VOCABULARY.types if type not in told and not type.startswith(OTHERS))
    if homeless:
        raise ValueError(
            f"No lifecycle has a row for {', '.join(homeless)}, and no other family takes them in."
        )
    if RUN.open != e.ACTIVE_RUN or CALL.open != e.OPEN_CALL:
        raise ValueError("ACTIVE_RUN and OPEN_CALL are not the states from which the tables lead on.")


_closed()
