"""What the pages of replays say."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    "again": _("Send it again…"),
    "again_run": _("Replay this run…"),
    "explained": _(
        "A worker sends this very request once more, to the same model or to another one, and the answer is shown "
        "beside the recorded one. The conversation is not touched: nothing is said in it, and no tool is run. It costs "
        "what a request costs."
    ),
    "whole_explained": _(
        "A worker sends the requests of this run once more, one after the other. Calls with the same name and the same "
        "arguments as recorded ones get the recorded results; the first other call ends the replay. No tool is run, "
        "and the conversation is not touched. It costs what these requests cost."
    ),
    "to": _("Send it to"),
    "same_model": _("the same model at the same address"),
    "whole": _("Go on until the run is over"),
    "whole_help": _(
        "Calls that were recorded get their recorded results; the first other call ends the replay. No tool is run."
    ),
    "send": _("Send it"),
    "no": _("No, take me back"),
    "recorded": _("The recorded answer"),
    "answer": _("The new answer"),
    "reasoning": _("Reasoning"),
    "calls": _("Calls"),
    "no_text": _("(no words)"),
    "no_answer": _("There is no answer."),
    "waits": _("A worker will take it in a moment."),
    "slow": _("No worker has taken it yet. Is one running?"),
    "runs": _("A worker is sending it."),
    "request": _("The request"),
    "step": _("Step"),
    "replays": _("Replays of this request"),
    "of_step": _("of this run"),
    "choose": _("Choose one of the list."),
    "answered": _("answered from the record"),
    "not_answered": _("not recorded: not run"),
    "not_run": _("not run"),
    "tokens": _("tokens"),
    "took": _("took"),
    "first": _("first piece after"),
    "model": _("model"),
    "ended_by": _("ended with"),
    "digest": _("request digest"),
    "same": _("The same request, byte for byte."),
    "other": _(
        "Not the same request: the answers before it differ, or the recorded one cannot be made again exactly."
    ),
    "another_model": _("Made for another model."),
    "beyond": _("The recorded run had no such step."),
    "too_many_open": _("Ten replays of yours are not over yet. Wait for one of them."),
    "spent": _(
        "You have had as many requests sent again today as one person may. Try again after 00:00 UTC."
    ),
}
#: What `Replay.detail` says, for people. Other texts are a provider's words.
DETAILS = {
    "too_slow": _("It took too long, and was ended."),
    "internal": _("Something went wrong here; the worker's log has it."),
    "deleted": _("The conversation was deleted."),
    "taken": _("Another worker has it."),
    "lost": _("Its worker was lost, and so was the one that took it up. Ask for it again if you like."),
    "max_steps": _("It ends here: it has as many requests as a replay may have."),
    "unrecorded_call": _(
        "It ends here: the model asked for a call that the recorded run has not made, or has no outcome of. No tool is "
        "run in a replay."
    ),
}
GATE = _("Our own gate stops this request:")


def detail(text: str) -> str:
    """What is said of how a replay has ended."""
    if text.startswith("gate: "):
        return f"{GATE} {text.removeprefix('gate: ')}"
    return str(DETAILS.get(text, text))
