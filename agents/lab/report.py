"""A report as a table for a terminal."""

from agents.lab.stories import STORIES
from agents.lab.trying import Report, Told
from agents.transcript.forms import from_names

SAID = {
    "taken": "taken",
    "rescued": "taken in another form",
    "refused": "REFUSED",
    "trouble": "trouble",
    "not_told": "not tried",
}
TITLES = {story.name: story.title for story in STORIES}
_WIDTH = max(len(title) for title in TITLES.values())


def line(told: Told) -> str:
    """One story, on one line, and its words below."""
    invented = "" if told.own_calls else "  (the model made no call: one was invented)"
    took = f"{told.requests} requests, {told.seconds:.1f} s" if told.requests else ""
    verdict = SAID[told.verdict]
    if told.optional and told.verdict in ("rescued", "refused"):
        verdict = "not seen by this model"
    text = f"  {TITLES.get(told.story, told.story):<{_WIDTH}}  {verdict:<22} {took}{invented}".rstrip()
    return "\n".join([text, *(f"      {words}" for words in told.words)])


def table(report: Report) -> str:
    """What each profile that was tried has come to, what fits, and what it took."""
    lines = []
    for profile in report.profiles:
        lines += [f"\n{report.model} at {report.address}, profile {profile}", *map(line, report.of(profile))]
    if report.rescued:
        what = "what was refused, asked again in other forms as runs do"
        lines += [f"\n{report.model} at {report.address}, {what}", *map(line, report.rescued)]
    cost = "" if report.dollars is None else f", {report.dollars:.4f} US dollars"
    lines.append(
        f"\n{report.requests} requests, about {report.tokens:,} tokens{cost}, {report.seconds:.0f} seconds"
    )
    return "\n".join([*lines, conclusion(report)])


def conclusion(report: Report) -> str:
    """One sentence, or two."""
    if report.fits:
        same = " (the one that was chosen or guessed)" if report.fits == report.first else ""
        return f"The profile that fits: {report.fits}{same}."
    if report.ended:
        return f"It ended before it was known which profile fits. {report.ended}"
    none = "No profile was found with which everything is taken as it is sent."
    if report.goes_on:
        return f"{none} Conversations go on all the same: what is refused is taken {title(report)}."
    if not report.rescued:
        return none
    if report.rescued[-1].verdict == "refused":
        return f"{none} Not every conversation goes on in another form, either."
    return f"{none} Whether conversations go on in another form could not be found out."


def title(report: Report) -> str:
    """The form that has helped, in words."""
    return from_names(report.form).title if report.form else "in another form"
