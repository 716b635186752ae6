"""Which calls wait for a person's word (rule W8): those of tools that the agent names, and those that would carry words
of the model to an address that nobody gave it (agents/tools/visits.py). Pure, over the history."""

from collections.abc import Callable, Collection
from dataclasses import replace

from agents.history import Call, History, Step, UserMessage
from agents.spec import AgentSpec
from agents.tools import Toolbox
from agents.tools.visits import Given, Visits

#: Whether a person is asked before this call of this step.
MustAsk = Callable[[Step, Call], bool]


def must_ask(history: History, agent: AgentSpec, tools: Toolbox, quoting: Collection[str] = ()) -> MustAsk:
    """What `next_step` asks of each call that was proposed. `quoting` names the entrances whose messages may repeat
    what agents have said: nothing counts as given that stands only there."""

    def ask(step: Step, call: Call) -> bool:
        if call.name in agent.approval_tools:
            return True
        urls = tools.addresses(call.name, call.arguments)
        return bool(urls) and not given_to(history, agent, tools, step, call, quoting).all_given(urls)

    return ask


def visits_of(
    history: History,
    agent: AgentSpec,
    tools: Toolbox,
    step: Step,
    call: Call,
    quoting: Collection[str] = (),
) -> Visits:
    """Where a call may go when it starts."""
    allowed = call.approval is not None and call.approval.decision == "approved"
    if not tools.visits(call.name):
        return Visits(allowed=allowed)
    return Visits(given_to(history, agent, tools, step, call, quoting), allowed)


def given_to(
    history: History,
    agent: AgentSpec,
    tools: Toolbox,
    step: Step,
    call: Call,
    quoting: Collection[str] = (),
) -> Given:
    """What others than the model had given before this call. Its words, and what tools repeat of them, are not in it;
    nor are notes and summaries, which agents write."""
    people = [
        item.text
        for item in history.items
        if isinstance(item, UserMessage) and item.origin.entrance not in quoting
    ]
    steps = tuple(history.steps())
    given = Given(
        said=(agent.prompt, *(_lines(text, quoted=False) for text in people)),
        hosts=agent.fetch_hosts,
        quoted=tuple(lines for text in people if (lines := _lines(text, quoted=True))),
        own=tuple(item.text for item in steps if item.text),
    )
    before = [one for one in steps if one.seq < step.seq]
    read = [one for item in before for one in item.calls if tools.visits(one.name)]
    pages = tuple(one.result for one in read if one.status == "succeeded" and one.result)
    mine = [one for item in before if item.run == step.run for one in item.calls]
    mine += [one for one in step.calls if one.ordinal < call.ordinal]
    used = sum(_chose(one, given, tools) for one in mine if tools.visits(one.name))
    return replace(given, pages=pages, used=used)


def _lines(text: str, *, quoted: bool) -> str:
    """The lines of a message that are a quotation, or those that are none."""
    return "\n".join(line for line in text.split("\n") if line.startswith(">") is quoted)


def _chose(call: Call, given: Given, tools: Toolbox) -> bool:
    """Whether an earlier call has used up one of the addresses of pages that a run may ask for unasked."""
    if call.approval is not None:
        return False
    # It was not asked about, so whatever neither people nor settings have given was on a page.
    return not given.all_given(tools.addresses(call.name, call.arguments))
