"""All stories with one profile; those that were refused with others; and which profile fits.

A refusal is not rescued (rule T5) while a profile is looked for: it is what the lab wants to see, and it costs one
request. Where no profile fits, what was refused is told once more as runs have it, to see whether the rescue helps.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from agents.dialects.base import Model
from agents.dialects.opening import chosen
from agents.lab.meter import Budget, Meter, Metered
from agents.lab.stories import STORIES, Story
from agents.lab.talk import Ended, KeptForm, Talk
from agents.profiles import all_profiles
from agents.providers.base import Profile
from agents.spec import AgentSpec, RunLimits

#: What came of a story: every request was taken; a request was refused, and then taken in another form; refused;
#: something that has to do with no request's form (no connection, no credit, too busy); not told, because the
#: budget was spent or nothing works at all.
Verdict = Literal["taken", "rescued", "refused", "trouble", "not_told"]
PROMPT = "You take part in a test. Answer with as few words as you can. Do what you are asked at once."
LIMITS = RunLimits(steps=4, seconds=90, tokens=30_000, window_tokens=12_000)
#: Seconds for one story, whatever hangs.
STORY_S = 150.0
#: Other profiles that are tried, at most.
MAX_OTHERS = 6
#: What stands in the way of everything: nothing more is asked.
HOPELESS = frozenset({"model_auth", "model_quota", "model_unknown", "model_unreachable"})
#: How a run ends whose request was refused.
REFUSED = frozenset({"model_rejected", "transcript_invalid", "content_refused"})
#: Fields of a profile that say how it is guessed and not what is sent.
_NAMING = frozenset({"name", "title", "hosts", "models", "ports", "by_name", "templates", "family"})


@dataclass(frozen=True)
class Told:
    """What came of one story with one profile."""

    story: str
    profile: str
    verdict: Verdict
    #: The words of refusals, or of what else went wrong.
    words: tuple[str, ...] = ()
    #: Whether calls were the model's own; else they were invented for it.
    own_calls: bool = True
    requests: int = 0
    seconds: float = 0.0
    optional: bool = False

    @property
    def fine(self) -> bool:
        """Whether it says nothing against the profile."""
        return self.verdict == "taken" or (self.optional and self.verdict in ("rescued", "refused"))


@dataclass
class Report:
    """What is known so far."""

    model: str
    address: str
    #: The profile that was asked for, or guessed.
    first: str
    told: list[Told] = field(default_factory=list)
    #: The first profile with which everything was taken; empty: none, or it is not known yet.
    fits: str = ""
    #: Where none fits: what was refused with the first profile, told again with refusals rescued; and the changes of
    #: form (`RequestForm`) that helped.
    rescued: list[Told] = field(default_factory=list)
    form: tuple[str, ...] = ()
    #: Why it ended before everything was told.
    ended: str = ""
    requests: int = 0
    tokens: int = 0
    dollars: float | None = None
    seconds: float = 0.0

    def of(self, profile: str) -> list[Told]:
        """What was told with this profile."""
        return [one for one in self.told if one.profile == profile]

    @property
    def goes_on(self) -> bool:
        """Whether, without a profile that fits, every conversation went on in another form."""
        return bool(self.rescued) and all(one.verdict in ("taken", "rescued") for one in self.rescued)

    @property
    def profiles(self) -> list[str]:
        """The profiles that were tried, in order."""
        return list(dict.fromkeys(one.profile for one in self.told))

    def data(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Progress:
    """One more story was told: how many of how many, as far as that is known."""

    report: Report
    done: int
    total: int


async def try_agent(
    agent: AgentSpec,
    open_model: Callable[[AgentSpec], Model],
    *,
    budget: Budget | None = None,
    stories: Sequence[Story] = STORIES,
    others: bool = True,
) -> AsyncGenerator[Progress, None]:
    """Tell all stories to the agent's model, with its profile, and those that were refused with other profiles, until
    one takes everything. If none does, those that were refused are told again with the first profile and the rescue.
    `model` and `base_url` must be filled in. `others`: whether further profiles are tried.

    Yields after each story; the last report is the result. Never raises for what a provider does.
    """
    meter = Meter(budget or Budget(), agent.prices)
    first = chosen(agent)
    report = Report(agent.model, agent.base_url, first.name)
    total = len(stories)

    def after(told: Told, left: int) -> Progress:
        report.told.append(told)
        _count(report, meter)
        return Progress(report, len(report.told), len(report.told) + left)

    async def tell(profile: Profile, chosen_stories: Sequence[Story]) -> AsyncGenerator[Progress, None]:
        for place, story in enumerate(chosen_stories, start=1):
            told = await _tell(_with(agent, profile), open_model, story, meter, report)
            yield after(told, len(chosen_stories) - place)

    async for progress in tell(first, stories):
        yield progress
    refused = [story for story in stories if not _of(report, first, story).fine]
    if not refused:
        report.fits = first.name
    candidates = _candidates(first)[:MAX_OTHERS] if others and refused and not report.ended else ()
    for profile in candidates:
        if report.ended or report.fits:
            break
        async for progress in tell(profile, refused):
            yield progress
            if not progress.report.told[-1].fine:
                break
        else:
            rest = [story for story in stories if story not in refused]
            async for progress in tell(profile, rest):
                yield progress
            if all(one.fine for one in report.of(profile.name)) and len(report.of(profile.name)) == total:
                report.fits = profile.name
    if not report.fits:
        async for progress in _rescue(_with(agent, first), open_model, refused, meter, report):
            yield progress
    report.seconds = meter.seconds
    yield Progress(report, len(report.told), len(report.told))


async def _rescue(
    agent: AgentSpec,
    open_model: Callable[[AgentSpec], Model],
    stories: Sequence[Story],
    meter: Meter,
    report: Report,
) -> AsyncGenerator[Progress, None]:
    """Tell what was refused again, with the rescue of runs; what helps with one story is known in the next. It ends at
    the first that the rescue does not help. Why it ends says nothing of the search for a profile, which is over."""
    if report.ended:
        return
    form = KeptForm()
    for story in (story for story in stories if not story.optional):
        told = await _tell(agent, open_model, story, meter, report, form)
        report.rescued.append(told)
        report.form, report.ended = form.form.names, ""
        _count(report, meter)
        yield Progress(report, len(report.told), len(report.told))
        if told.verdict not in ("taken", "rescued"):
            return


def _count(report: Report, meter: Meter) -> None:
    report.requests, report.tokens = meter.requests, meter.tokens
    report.dollars, report.seconds = meter.dollars, meter.seconds


def _with(agent: AgentSpec, profile: Profile) -> AgentSpec:
    """The agent as the lab has it speak: with the lab's own tool and limits, and nobody standing in."""
    return replace(
        agent,
        prompt=PROMPT,
        profile=profile.name,
        tools=("look_up",),
        approval_tools=(),
        limits=LIMITS,
        fallbacks=(),
        compaction=False,
    )


async def _tell(
    agent: AgentSpec,
    open_model: Callable[[AgentSpec], Model],
    story: Story,
    meter: Meter,
    report: Report,
    rescue: KeptForm | None = None,
) -> Told:
    """One story. A picture is sent whatever is known of the model's eyes: that is what is to be found out."""
    asked, began = meter.requests, meter.seconds
    seeing = replace(agent, vision=True) if story.optional else agent
    talk = Talk(seeing, Metered(open_model(agent), meter), rescue)
    verdict: Verdict = "taken"
    words: list[str] = []
    if report.ended or meter.spent:
        report.ended = report.ended or f"The budget of this trial is spent: {meter.spent}."
        return Told(story.name, agent.profile, "not_told", optional=story.optional)
    try:
        async with asyncio.timeout(STORY_S):
            await story.tell(talk)
    except Ended as ended:
        verdict = "refused" if ended.event.code in REFUSED else "trouble"
        words.append(ended.event.detail)
        if meter.spent:
            verdict, report.ended = "not_told", f"The budget of this trial is spent: {meter.spent}."
        elif ended.event.code in HOPELESS:
            report.ended = ended.event.detail
    except TimeoutError:
        verdict = "trouble"
        words.append(f"It was not over after {STORY_S:g} seconds.")
    refusals = [fault.text for fault in talk.refusals.kept]
    if verdict == "taken" and refusals:
        verdict = "rescued"
    return Told(
        story.name,
        agent.profile,
        verdict,
        tuple(dict.fromkeys([*refusals, *words])),
        talk.own_calls,
        meter.requests - asked,
        round(meter.seconds - began, 2),
        story.optional,
    )


def _of(report: Report, profile: Profile, story: Story) -> Told:
    return next(one for one in report.of(profile.name) if one.story == story.name)


def _rules(profile: Profile) -> str:
    """What a profile sends, without how it is guessed."""
    return str(sorted((name, str(value)) for name, value in asdict(profile).items() if name not in _NAMING))


def _candidates(first: Profile) -> list[Profile]:
    """The other profiles of the same dialect, one of each kind of rules."""
    kinds: dict[str, Profile] = {_rules(first): first}
    for profile in _by_strictness(all_profiles().values()):
        if profile.dialect == first.dialect:
            kinds.setdefault(_rules(profile), profile)
    return [profile for profile in kinds.values() if profile is not first]


def _by_strictness(profiles: Iterable[Profile]) -> list[Profile]:
    """Those that keep rules which others do not come first."""
    return sorted(
        profiles, key=lambda one: (one.reasoning != "none", not one.text_beside_calls), reverse=True
    )
