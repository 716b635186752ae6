"""The lab's stories and verdicts as people read them in the admin."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from agents.profiles import all_profiles

STORIES = {
    "plain": lazy("a question and its answer"),
    "two_messages": lazy("two messages in a row"),
    "tool_loop": lazy("a tool call, and a message after it"),
    "stop_in_call": lazy("a stop during a call, then a message"),
    "message_in_call": lazy("a message during a call"),
    "note_after_result": lazy("a note after a result"),
    "limit_after_result": lazy("a limit after a result, then a message"),
    "failed_run": lazy("a run that failed after a result, then a message"),
    "failed_call": lazy("a call that fails"),
    "broken_arguments": lazy("a call with broken arguments"),
    "parallel_calls": lazy("two calls in one answer"),
    "half_an_answer": lazy("a stop in the middle of an answer, then a message"),
    "picture": lazy("a picture"),
    "long_history": lazy("a long conversation with calls in it"),
}
VERDICTS = {
    "taken": lazy("taken"),
    "rescued": lazy("refused, then taken in another form"),
    "refused": lazy("refused"),
    "trouble": lazy("something else went wrong"),
    "not_told": lazy("not tried"),
}

#: The changes of a request's form (`RequestForm`).
FORMS = {
    "alternating": lazy("with roles that alternate"),
    "no_replay": lazy("without replay data"),
    "one_call": lazy("with one call per step"),
    "no_system": lazy("without a system role"),
    "text_only": lazy("with tool exchanges as plain text"),
    "no_pictures": lazy("without pictures"),
    "no_options": lazy("without options"),
    "no_tools": lazy("without tools"),
}


def verdict(told: dict[str, Any]) -> str:
    """What came of a story; of a picture, what it says of the model."""
    if told["optional"] and told["verdict"] in ("rescued", "refused"):
        return _("this model sees no pictures")
    return str(VERDICTS.get(told["verdict"], told["verdict"]))


def tables(report: dict[str, Any]) -> list[dict[str, Any]]:
    """A table for each profile that was tried: its title, and a row for each story."""
    found: dict[str, list[dict[str, Any]]] = {}
    for told in report["told"]:
        found.setdefault(told["profile"], []).append(_row(told))
    made = [{"profile": title(name), "rows": rows} for name, rows in found.items()]
    if rescued := report.get("rescued"):
        made.append({"profile": _("Refused, asked again as runs do"), "rows": [*map(_row, rescued)]})
    return made


def _row(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "story": STORIES.get(told["story"], told["story"]),
        "verdict": verdict(told),
        "mark": told["verdict"],
        "words": told["words"],
        "took": _("%(count)d requests, %(seconds).1f s")
        % {"count": told["requests"], "seconds": told["seconds"]},
        "invented": "" if told["own_calls"] else _("the model made no call, so one was invented"),
    }


def conclusion(report: dict[str, Any]) -> str:
    """What the trial has come to, in a sentence."""
    if report["fits"] and report["fits"] == report["first"]:
        return _("Everything was taken with the profile %(profile)s.") % {"profile": title(report["fits"])}
    if report["fits"]:
        return _(
            "With the profile %(first)s something was refused; with %(fits)s everything was taken. Choose that one for "
            "the agent or its provider."
        ) % {"first": title(report["first"]), "fits": title(report["fits"])}
    if report["ended"]:
        return _("It ended before it was known which profile fits: %(why)s") % {"why": report["ended"]}
    none = _("No profile was found with which everything is taken as it is sent.")
    if not (rescued := report.get("rescued")):
        return none
    if rescued[-1]["verdict"] == "refused":
        return none + " " + _("Not every conversation goes on in another form, either.")
    if rescued[-1]["verdict"] not in ("taken", "rescued"):
        return none + " " + _("Whether conversations go on in another form could not be found out.")
    form = ", ".join(str(FORMS.get(name, name)) for name in report["form"]) or _("in another form")
    goes_on = _("Conversations go on all the same: what is refused is taken %(form)s.") % {"form": form}
    return f"{none} {goes_on}"


def sums(report: dict[str, Any]) -> str:
    """What it took."""
    told = {
        "requests": report["requests"],
        "tokens": f"{report['tokens']:,}",
        "seconds": round(report["seconds"]),
    }
    taken = _("%(requests)d requests, about %(tokens)s tokens, %(seconds)d seconds") % told
    return taken if report["dollars"] is None else f"{taken}, ${report['dollars']:,.4f}"


def title(profile: str) -> str:
    """A profile as people know it."""
    known = all_profiles().get(profile)
    return known.title if known is not None else profile
