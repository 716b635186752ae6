"""What the model was sent, as facts: enough to make the same request again at any later time.

A request is made from the history, which the journal has, and from what it says beside it: the model, the prompt, the
tools and the profile as they were then. These are kept once per version, by their digest, outside of the journal (they
are large, and events go to browsers); `step.started` names the digest and whatever else decided how the request was
made (`RequestFacts`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from agents.attachments import FileContent
from agents.dialects.requests import dialect_of
from agents.dialects.rules import Violation
from agents.events import AttachmentRef, LeftOutFact, RequestFacts
from agents.faults import digest_of
from agents.history import History, Summary, UserMessage
from agents.leftout import LeftOut, Omission, without
from agents.providers.base import Profile
from agents.transcript.attached import wanted
from agents.transcript.forms import RequestForm, from_names, profile_of, shaped, text_only
from agents.transcript.room import ModelSettings

#: A conversation's first message, by which a history begins however far back it is, is one of its first events.
OPENING = 4


class RequestLog(Protocol):
    """Where settings are kept. Does not raise: what cannot be kept does not end a run."""

    async def keep(self, digest: str, text: str) -> None:
        """Keep settings under their digest, once."""
        ...


class NoRequestLog:
    """Keeps nothing."""

    async def keep(self, digest: str, text: str) -> None:
        pass


@dataclass(frozen=True)
class RequestSettings:
    """What requests say beside the history, as one version of it."""

    address: str
    profile: Profile
    model: str
    prompt: str
    tools: tuple[Mapping[str, Any], ...]
    account: str

    def to_json(self) -> str:
        """As the one text that is hashed and kept."""
        value = {name.name: getattr(self, name.name) for name in fields(self)}
        value["profile"] = {name.name: getattr(self.profile, name.name) for name in fields(Profile)}
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def settings_from(text: str) -> RequestSettings:
    """Settings from their text. What this release does not know of a profile is passed over. Raises ValueError."""
    value = json.loads(text)
    known = {name.name for name in fields(Profile)}
    try:
        profile = Profile(**{k: _tuples(v) for k, v in value["profile"].items() if k in known})
        return RequestSettings(
            value["address"],
            profile,
            value["model"],
            value["prompt"],
            tuple(value["tools"]),
            value["account"],
        )
    except (KeyError, TypeError) as problem:
        raise ValueError(f"These are no settings of requests: {problem}") from problem


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def settings_digest(text: str) -> str:
    """By which settings are known."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def facts_of(
    settings: str,
    history: History,
    ask: ModelSettings,
    form: RequestForm,
    omission: Omission,
    omitted_for: str,
    digest: str,
) -> RequestFacts:
    """The facts of a request; `settings` is the digest of its settings."""
    return RequestFacts(
        settings=settings,
        form=form.names,
        window=ask.window,
        since=held_since(history),
        omitted=tuple(LeftOutFact(item=one.item, files=one.files) for one in omission),
        omitted_for=omitted_for if omission else "",
        digest=digest,
    )


def held_since(history: History) -> int:
    """From which seq on events have to be folded to have this history again, besides its first message and the newest
    summary before that; 0: it is empty."""
    items = history.items
    opened = bool(items) and isinstance(items[0], UserMessage) and items[0].seq <= OPENING
    rest = [item.seq for item in items[opened:] if not isinstance(item, Summary)]
    return min(rest, default=items[0].seq if items else 0)


@dataclass(frozen=True)
class Rendered:
    """A request made again: its body, what our own gate finds wrong with it, and whether it is the one that was sent;
    None: nobody knows."""

    body: dict[str, Any]
    violations: list[Violation]
    same: bool | None


def files_of(history: History, settings: RequestSettings, facts: RequestFacts) -> tuple[AttachmentRef, ...]:
    """The files whose contents the request carries: what the caller has to read for `render_again`."""
    return wanted(history, profile_of(settings.profile, from_names(facts.form)), settings.model)


def render_again(
    history: History,
    settings: RequestSettings,
    facts: RequestFacts,
    files: Mapping[str, FileContent | None],
    sent: str = "",
) -> Rendered:
    """The request of a step, from the history before it and the facts of its `step.started`. `sent`: the digest of the
    request that was answered, where `step.finished` tells another. Pure."""
    if facts.omitted:
        history = without(history, _omission(facts.omitted), facts.omitted_for)  # type: ignore[arg-type]
    ask = ModelSettings(
        settings.model,
        settings.prompt,
        [dict(tool) for tool in settings.tools],
        facts.window,
        files,
        settings.account,
    )
    form = from_names(facts.form)
    known, profile, asked = shaped(history, settings.profile, ask, form)
    dialect = dialect_of(settings.profile)
    body = dialect.render(known, profile, asked, text_only=text_only(form))
    digest = sent or facts.digest
    same = digest_of(settings.address, body) == digest if digest else None
    return Rendered(body, dialect.validate(body, profile), same)


def _omission(omitted: Iterable[LeftOutFact]) -> Omission:
    return tuple(LeftOut(one.item, one.files) for one in omitted)
