"""The page of a request: what the model was sent, what our gate says of it, and how to send it again by hand."""

import json
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agents import events as e
from agents.transcript.forms import from_names
from chat.inspection import base
from chat.inspection.operating import Operator
from chat.inspection.reading import was_read
from chat.inspection.replay_page import SEND, replays_of
from chat.inspection.replay_words import WORDS as REPLAY_WORDS
from chat.inspection.responses import responses_of
from chat.journal.faultlog import without_keys
from chat.models import Conversation, Event, Fault
from chat.replay.sent import NotKept, Sent, as_curl, sent_at

#: Characters of a body that the page shows; the curl command has all of it, up to this.
MAX_BODY = 400_000
MAX_CURL = 2_000_000

WORDS = {
    "request": _("The request"),
    "gate": _("What our own gate says of it"),
    "valid": _("Valid for this profile."),
    "curl": _("To send it again by hand"),
    "curl_help": _(
        "A command of a shell. Set API_KEY first; the key is not in it. The answer streams, and nothing of the "
        "conversation changes."
    ),
    "refusals": _("What was refused in this step"),
    "moment": _("The conversation as it was before"),
    "responses": _("What the provider has answered"),
    "headers": _("Headers"),
    "body": _("Body"),
    "body_cut": _("Only its beginning is kept."),
    "large": _("The request is too large for this page."),
}
SAME = {
    True: _("This is what was sent, byte for byte: its digest is the one in the journal."),
    False: _(
        "This is not quite what was sent: its digest differs. A file is gone, a key was taken out of the prompt, or "
        "another release made the request."
    ),
    None: _("Nobody knows whether exactly this was sent."),
}


class SentAdmin(admin.ModelAdmin):
    """A conversation's admin with a page for each request that was made in it."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.sent)
        return [
            path("<uuid:object_id>/request/<int:seq>/", view, name="chat_conversation_request"),
            *super().get_urls(),
        ]

    def sent(self, request: HttpRequest, object_id: UUID, seq: int) -> HttpResponse:
        """The request of the step.started at `seq`."""
        if not (self.has_view_permission(request) and Operator(request.user).reads):
            raise PermissionDenied
        row = Conversation.objects.filter(pk=object_id).first()
        if row is None:
            raise Http404
        was_read(request.user, row, "request")
        context = {
            **self.admin_site.each_context(request),
            "title": _("What the model was sent"),
            "opts": self.opts,
            "row": row,
            "words": WORDS,
            "moment": base.address("chat_conversation_moment", row.pk, max(0, seq - 1)),
            "replay_words": REPLAY_WORDS,
            "replays": replays_of(row, seq),
            "again": base.address("chat_conversation_replay", row.pk, seq)
            if Operator(request.user).may("replay", SEND)
            else "",
            **self._told(row, seq),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/chat/conversation/request.html", context)

    def _told(self, row: Conversation, seq: int) -> dict[str, Any]:
        step = _step_at(row.pk, seq)
        faults = Fault.objects.filter(conversation=row, step=step).order_by("created_at")[:20] if step else []
        found: dict[str, Any] = {
            "responses": responses_of(row, step) if step else [],
            "refusals": [
                {
                    "address": base.address("chat_fault_change", fault.pk),
                    "label": f"{fault.kind} {fault.status or ''}".strip(),
                    "text": fault.text[:2_000],
                    "outcome": fault.get_outcome_display() if fault.outcome else "",
                }
                for fault in faults
            ],
        }
        try:
            sent = sent_at(row.pk, seq)
        except NotKept as problem:
            return {**found, "problem": str(problem)}
        text = sent.text
        return {
            **found,
            "same": SAME[sent.same],
            "differs": sent.same is not True,
            "facts": _facts(sent, step),
            "violations": [str(one) for one in sent.violations],
            "body": base.block(_shown(sent), MAX_BODY) if len(text) <= MAX_BODY else None,
            "curl": without_keys(as_curl(sent), "default") if len(text) <= MAX_CURL else "",
        }


def _shown(sent: Sent) -> str:
    """The body to be read by people, without any key of this installation that got into a conversation."""
    text = json.dumps(sent.outgoing.body, ensure_ascii=False, indent=2)
    return without_keys(text, "default")


def _step_at(conversation: UUID, seq: int) -> str:
    text = (
        Event.objects.filter(conversation_id=conversation, seq=seq, type="step.started")
        .values_list("text", flat=True)
        .first()
    )
    event = e.from_json(text) if text is not None else None
    return event.step if isinstance(event, e.StepStarted) else ""


def _facts(sent: Sent, step: str) -> list[tuple[str, str]]:
    facts, settings = sent.facts, sent.settings
    pairs = (
        (gettext("step"), step),
        (gettext("sent to"), f"POST {sent.url}"),
        (gettext("model"), settings.model),
        (gettext("profile"), settings.profile.name),
        (gettext("form"), from_names(facts.form).title),
        (gettext("window (tokens)"), f"{facts.window:,}"),
        (gettext("size (characters)"), f"{len(sent.text):,}"),
        (gettext("left out"), ", ".join(one.item for one in facts.omitted)),
        (gettext("digest"), facts.digest),
        (gettext("settings"), facts.settings),
    )
    return [(name, value) for name, value in pairs if value]
