"""Which run answers a message, and with what: read from the journal, for entrances that have to tell somebody.

A message that starts a run is answered by it. One that came while another run was at work waits (rule R6) and is
answered by the first run that asks the model after it; which one that is, is known once the request has gone out. What
waits when a run is stopped is answered next.

Plain functions over SQL, to be called in a database thread; `using` is Django's alias of the database.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agents import events as e
from chat.journal import on_path
from chat.models import Event, Message, Run, Step

#: What people read where a run ended without an answer (codes of agents/events), in the language that is active.
REASONS: dict[str, Any] = {
    "limit_steps": _("The run reached its limit of steps."),
    "limit_seconds": _("The run reached its time limit."),
    "limit_tokens": _("The run reached its limit of tokens."),
    "model_unreachable": _("The model cannot be reached."),
    "model_auth": _("The model's provider refused the key."),
    "model_quota": _("The model's quota is used up."),
    "model_unknown": _("The model's provider does not know this model."),
    "model_busy": _("The model is too busy."),
    "model_rejected": _("The model's provider refused the request."),
    "model_error": _("The model failed."),
    "content_refused": _("The model's provider refused something that this conversation holds."),
    "no_answer": _("The model used its tools and gave no answer."),
    "transcript_invalid": _("The request did not pass its check and was not sent."),
    "internal": _("Something went wrong on the server."),
    "crashed_too_often": _("The run was given up because its workers died too often."),
    "outcome_unknown": _(
        "Nobody knows whether an interrupted tool took effect, and this agent does not go on then."
    ),
    "agent_missing": _("This agent is missing or disabled."),
}
#: What people read under a response that is not a whole answer (rule R14).
INCOMPLETE: dict[str, Any] = {
    "length": _("The answer was cut off: it reached the model's limit of tokens."),
    "length_before_answer": _("There is no answer: the model used up its limit of tokens by thinking."),
    "content_filter": _("The provider's content filter held back the answer, or the rest of it."),
    "interrupted": _("The answer was cut off: the connection to the model ended in the middle."),
    "thinking_only": _("The model has only thought about it and gave no answer."),
    "other": _("The model's provider ended the answer for a reason of its own."),
}
EMPTY = _("(The answer is empty.)")


@dataclass(frozen=True)
class Reply:
    """What a run has come to. `status` is the run's; `text` the answer (markdown), empty while the run is not over;
    `ending` says why there is none or why it is not whole, empty if all is well."""

    run: str
    status: str
    text: str = ""
    ending: str = ""

    @property
    def over(self) -> bool:
        return self.status not in e.ACTIVE_RUN

    @property
    def whole(self) -> str:
        """What to show somebody: the answer, and how it ended if that needs saying."""
        told = f"*{self.ending}*" if self.ending else ""
        return "\n\n".join(part for part in (self.text, told) if part) or str(EMPTY)


def readers(conversation: UUID | str, messages: Iterable[str], using: str = "default") -> dict[str, str]:
    """The run that answers each of these messages (of this conversation), for those of which it is certain."""
    wanted = list(messages)
    row = UUID(str(conversation))
    runs = Run.objects.using(using).filter(conversation_id=row, cause__in=wanted)
    # Of several answers to one question the first is told: whoever asked through another door waits for that.
    found = dict(runs.order_by("-seq").values_list("cause", "run"))
    rest = [message for message in wanted if message not in found]
    said = Message.objects.using(using).filter(conversation_id=row, message__in=rest, kind="message")
    for message, seq, branch, branches in said.values_list(
        "message", "seq", "branch", "conversation__branches"
    ):
        # The request itself, not the step: a step that was cut is gone, and its run has read the message all the same.
        asked = Event.objects.using(using).filter(conversation_id=row, type="step.started", seq__gt=seq)
        texts = asked.order_by("seq").values_list("text", flat=True)
        for text in texts[:1] if branches is None else texts.iterator(chunk_size=100):
            event = e.from_json(text)
            if isinstance(event, e.StepStarted) and _reads(row, event.run, branch, seq, branches, using):
                found[message] = event.run
                break
    return found


def _reads(conversation: UUID, run: str, branch: str, seq: int, branches: Any, using: str) -> bool:
    """Whether a message of this branch, at `seq`, is on the path of a run that asks the model after it."""
    if branches is None:
        return True
    runs = Run.objects.using(using).filter(conversation_id=conversation, run=run)
    path = on_path.path_of(branches, runs.values_list("branch", flat=True).first() or "")
    return path is None or path.holds(branch, seq)


def expected(conversation: UUID | str, message: str, using: str = "default") -> str:
    """The run that answers this message: the certain one, or the active one that it waits behind, or ""."""
    certain = readers(conversation, [message], using).get(message)
    if certain is not None:
        return certain
    runs = Run.objects.using(using).filter(
        conversation_id=UUID(str(conversation)), status__in=sorted(e.ACTIVE_RUN)
    )
    return runs.order_by("-seq").values_list("run", flat=True).first() or ""


def reply_of(run: Run, message: str = "", using: str = "default") -> Reply:
    """What a run has come to, as of now: its last words or, of a `message` that it has read, its answer to that. A run
    goes on when another message has come meanwhile: its first response without calls after a message answers it."""
    if run.status in e.ACTIVE_RUN:
        return Reply(run.run, run.status)
    said = Message.objects.using(using).filter(conversation_id=run.conversation_id, message=message)
    place = said.values_list("seq", flat=True).first() or 0
    steps = Step.objects.using(using).filter(
        conversation_id=run.conversation_id, run=run.run, status__in=("finished", "stopped"), seq__gt=place
    )
    bodies: list[Any] = list(steps.order_by("seq").values_list("body", flat=True))
    for body in bodies[:-1]:
        if message and body["status"] == "finished" and not body["calls"] and body["text"].strip():
            # What the run came to in the end was about something else.
            return Reply(run.run, "finished", body["text"].strip(), incomplete(body))
    text = bodies[-1]["text"].strip() if bodies else ""
    told = (incomplete(bodies[-1]) if bodies else "", ending(run))
    return Reply(run.run, run.status, text, " ".join(part for part in told if part))


def incomplete(body: Any) -> str:
    """Why a step is not a whole answer, for people; empty if it is one."""
    why = body.get("incomplete")
    return str(INCOMPLETE.get(why) or INCOMPLETE["other"]) if why else ""


def ending(run: Run) -> str:
    """Why a run that is over has no answer, or not a whole one; empty if all is well."""
    if run.status == "stopped":
        return gettext("Stopped.")
    if run.status == "failed" or run.code:
        said = REASONS.get(run.code) or gettext("The run failed.")
        return f"{said} {run.detail}".strip()
    return ""


def find_run(conversation: UUID | str, run: str, using: str = "default") -> Run | None:
    """A run by its id."""
    rows: Any = Run.objects.using(using).filter(conversation_id=UUID(str(conversation)), run=run)
    return rows.first()
