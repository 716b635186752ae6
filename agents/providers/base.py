"""What is known of a provider, as data: the rules of its requests, its models' windows, and the words of its refusals.

One file per provider beside this one, each with a `PROVIDER`; a package or a Django app adds more through
`agents.extensions`. No code asks for a provider's name.
"""

import re
from dataclasses import dataclass
from typing import Literal

#: Models that are known to see, whoever serves them.
SEEING = (
    r"vision|\bvl\b|-vl|vl-|llava|pixtral|gemma-?3|llama-?4|minicpm-v|internvl|omni|gpt-4o|gpt-4\.1|gpt-[5-9]|claude|gemini"
    r"|glm-4\.?\d*v|mistral-(small|medium)-(3|latest|2[5-9])|kimi-k2\.[5-9]"
)


@dataclass(frozen=True)
class Profile:
    """The request rules of one provider, where they go beyond V1 to V11 (which all are held to)."""

    name: str
    #: What a person reads in the admin.
    title: str
    #: The name of a dialect (`agents/dialects/`).
    dialect: str = "chat"
    #: Ends of host names, and patterns of model names (lower case), that `guess` knows it by.
    hosts: tuple[str, ...] = ()
    models: str = ""
    #: Whether the model's name is enough where the host tells nothing (a gateway, a server of one's own).
    by_name: bool = True
    #: A pattern of chat templates that it is known by, where a server shows its template.
    templates: str = ""
    #: Ports by which a server on one's own machines is known.
    ports: tuple[int, ...] = ()
    #: `ours`: nine alphanumerics (V6). `kimi`: `functions.NAME:IDX`, 64 characters at most, which the K2 chat
    #: template prints to the model.
    ids: Literal["ours", "kimi"] = "ours"
    #: Where the field `reasoning_content` must be, non-empty (V12): nowhere, on messages with calls, on all.
    reasoning: Literal["none", "calls", "all"] = "none"
    #: Reasoning text goes back to the model that wrote it, in that field (V14).
    replays_reasoning: bool = False
    #: An assistant line stands between a tool result and a user message (V8). Templates that count only users and
    #: plain answers refuse what has none, and any address may lead to one of them: only an API that is known to take
    #: it goes without.
    bridge: bool = True
    #: Neighbouring messages of users, or of the assistant, are sent as one, for the same reason (V11).
    alternates: bool = True
    #: One message may hold both text and calls; else the text goes ahead in a message of its own.
    text_beside_calls: bool = True
    #: Each block of calls carries Gemini's thought signature, its own or the documented placeholder (V14, E31).
    signatures: bool = False
    #: Models that can think are asked to, and to show what they think; how is the dialect's knowledge.
    thinks: bool = False
    #: The request must declare tools as soon as its history holds calls.
    tools_with_calls: bool = False
    #: `stream_options.include_usage` is understood.
    include_usage: bool = True
    #: Fields that a request for a stream needs here beside the usual ones.
    stream_fields: tuple[tuple[str, object], ...] = ()
    #: Models whose reasoning can be asked for in encrypted form; others refuse the question.
    encrypts: str = ""
    #: Replay data of one model is of use to another of the same family only if these agree.
    family: str = ""

    #: Models that can see pictures (a pattern of names in lower case); an agent may know better.
    vision: str = SEEING

    def sees(self, model: str) -> bool:
        """Whether pictures may be sent to this model."""
        return bool(self.vision) and re.search(self.vision, model.lower()) is not None

    def issuer(self, model: str, account: str = "") -> str:
        """Who issued what a step brought with it (rule V14): this provider, this model, and the account (`account_of`)
        at whose address it was asked: what one account encrypted, another cannot read."""
        return f"{self.family or self.name}/{model}" + (f"#{account}" if account else "")


@dataclass(frozen=True, slots=True)
class Served:
    """What a server of one's own tells of the model behind it."""

    #: The profile of that kind of server (`vllm`, `llama.cpp`, `ollama`); empty: it does not say.
    server: str = ""
    #: The model that really answers, where it is served under another name.
    model: str = ""
    #: Its chat template.
    template: str = ""


@dataclass(frozen=True)
class Window:
    """Tokens of request and answer together that the models of a name can take: the published figure, taken low where
    versions of one name differ. `models` is a pattern of names in lower case, without the part before a slash."""

    models: str
    tokens: int


@dataclass(frozen=True)
class Refusal:
    """Words by which a provider refuses the form of a request. `kind` is the number in the list (E1 to E31), or what
    the model turned out not to take (`images`); `patterns` are searched in the answer in lower case, any one names it.
    A pattern matches the words of its own kind only, so that the order of providers does not matter."""

    kind: str
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Provider:
    """One provider. Its profiles stand in the order in which `guess` tries them: the narrower names first."""

    name: str
    profiles: tuple[Profile, ...]
    #: First match counts.
    windows: tuple[Window, ...] = ()
    refusals: tuple[Refusal, ...] = ()
