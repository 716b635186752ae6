"""What an agent is, as plain data: the loop reads this and never a database row."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
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
    limits: Limits = field(default_factory=Limits)
