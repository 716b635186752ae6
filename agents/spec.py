"""What an agent is, as plain data: the loop reads this and never a database row."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from agents.events import Usage
from agents.providers.base import Served

#: What becomes of a call in doubt when nobody watches its run (rule R4): a person is waited for all the same, the model
#: is told that the outcome is unknown, or the run fails.
Unattended = Literal["wait", "tell", "fail"]


@dataclass(frozen=True)
class RunLimits:
    """What ends a run with a message instead of letting it go on (rule R8)."""

    #: Model responses per run.
    steps: int = 20
    #: Wall-clock seconds per run, from its first start; waiting for a person does not count.
    seconds: int = 600
    #: Tokens per run, input and output of all its steps together; None: no limit.
    tokens: int | None = None
    #: Calls of one step that run at the same time (rule R9).
    parallel: int = 4
    #: Characters of one tool result that the model gets to read.
    result_chars: int = 32_000
    #: Tokens of history that one request may carry; older steps are trimmed (rule T2).
    window_tokens: int = 60_000


@dataclass(frozen=True)
class Prices:
    """US dollars per million tokens. `cached`: of input that came from the provider's cache; None: as other input."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None

    def cost(self, usage: Usage) -> int:
        """What a response took, in billionths of a US dollar, rounded up."""
        cached = min(usage.cached, usage.input)
        at = self.input if self.cached is None else self.cached
        dollars = (usage.input - cached) * self.input + cached * at + usage.output * self.output
        return -int(-Fraction(dollars) * 1_000 // 1)


@dataclass(frozen=True)
class Endpoint:
    """What is known of the address where a model is asked."""

    #: Address and key as one short digest (`account_of`); empty: unknown.
    account: str = ""
    #: What the server tells of itself and of the model; None: nothing, or it was not asked.
    served: Served | None = None


@dataclass(frozen=True)
class Fallback:
    """A model that stands in, and what is known of it. Each field means what it means of an agent."""

    model: str
    base_url: str = ""
    profile: str = ""
    key: str | None = field(default=None, repr=False, compare=False)
    vision: bool | None = None
    prices: Prices | None = None
    context_window: int | None = None
    endpoint: Endpoint = Endpoint()


@dataclass(frozen=True)
class AgentSpec:
    """One agent: who it is, which model speaks for it, which tools it may use, and its limits.

    `model`, `base_url` and `profile` may be empty: the configured default, or a guess from the address.
    """

    slug: str
    name: str
    prompt: str = ""
    model: str = ""
    base_url: str = ""
    profile: str = ""
    tools: tuple[str, ...] = ()
    #: Which of them run only after a person has allowed the call (rule W8).
    approval_tools: tuple[str, ...] = ()
    #: Hosts whose pages may be read at addresses that the model has put together (agents/tools/visits.py).
    fetch_hosts: tuple[str, ...] = ()
    #: Whether pictures go to the model; None: as its profile knows of its name.
    vision: bool | None = None
    limits: RunLimits = field(default_factory=RunLimits)
    #: The key of the provider at `base_url`; None: what the environment has for that server.
    key: str | None = field(default=None, repr=False, compare=False)
    #: Who is asked, one after the other, when the model cannot answer; an empty address: the model's own.
    fallbacks: tuple[Fallback, ...] = ()
    #: Of `model`.
    prices: Prices | None = None
    #: Tokens that `model` can read and write together; None: as its name tells.
    context_window: int | None = None
    #: The model summarises what its window has no room for (rule T2); off: it is left out.
    compaction: bool = True
    #: For runs of schedules and triggers; where a person asked, a person is waited for.
    unattended: Unattended = "wait"
    #: What is known of the address where the model is asked.
    endpoint: Endpoint = Endpoint()
