"""The pages on which a recorded request is sent again, and on which its answers stand beside the recorded ones."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agents.events import Usage, from_json
from chat.inspection import base
from chat.inspection.operating import Action, Operator
from chat.inspection.reading import was_read
from chat.inspection.replay_words import WORDS, detail
from chat.inspection.told import Said, said_in
from chat.models import Conversation, Event, Replay, Run
from chat.replay.sent import NotKept, facts_at
from chat.replay.store import NoRoom, ask_for
from chat.replay.targets import SAME, choices, label_of
from chat.support.clock import now_ms

#: By which permission a request may be sent again.
SEND = "chat.send_replay"
#: Seconds after which the page of a replay that is under way is loaded again; and after which somebody wonders why no
#: worker takes it.
RELOAD_S = 2
SLOW_S = 15
#: Characters of one text that the page shows.
MAX_TEXT = 40_000


class ReplaysAdmin(admin.ModelAdmin):
    """A conversation's admin with the replays of its requests."""

    def get_urls(self) -> list[Any]:
        wrapped = self.admin_site.admin_view
        own = "<uuid:object_id>"
        return [
            path(f"{own}/request/<int:seq>/replay/", wrapped(self.replay), name="chat_conversation_replay"),
            path(f"{own}/replay/<int:pk>/", wrapped(self.replayed), name="chat_conversation_replayed"),
            *super().get_urls(),
        ]

    def replay(self, request: HttpRequest, object_id: UUID, seq: int) -> HttpResponse:
        """Ask, and by POST have the request of the step.started at `seq` sent again."""
        row = self._of_reader(request, object_id)
        if not Operator(request.user).may("replay", SEND):
            raise PermissionDenied
        was_read(request.user, row, "request")
        back = base.address("chat_conversation_request", row.pk, seq)
        try:
            started, _facts, settings = facts_at(row.pk, seq)
        except NotKept as problem:
            messages.error(request, str(problem))
            return HttpResponseRedirect(back)
        whole = "whole" in (request.POST if request.method == "POST" else request.GET)
        chosen, wrong = request.POST.get("target", "same"), ""
        if request.method == "POST":
            if (name := label_of(chosen)) is None:
                wrong = str(WORDS["choose"])
            else:
                try:
                    made = ask_for(
                        request.user, row, seq, started.step, whole=whole, target=chosen, name=name
                    )
                except NoRoom as full:
                    wrong = str(WORDS["spent" if full.after else "too_many_open"])
                else:
                    self.log_change(request, row, f"Replay of {started.step}: {chosen}.")
                    return HttpResponseRedirect(base.address("chat_conversation_replayed", row.pk, made.pk))
        context = {
            "title": _("Send a request again"),
            "explained": WORDS["whole_explained"] if whole else WORDS["explained"],
            "facts": [
                (gettext("step"), started.step),
                (gettext("model"), settings.model),
                (gettext("sent to"), settings.address),
            ],
            "groups": choices(),
            "chosen": chosen,
            "whole": whole,
            "wrong": wrong,
            "back": back,
        }
        return self._replay_page(request, row, "ask_replay.html", context)

    def replayed(self, request: HttpRequest, object_id: UUID, pk: int) -> HttpResponse:
        """A replay: how far it is, and each of its answers beside the recorded one."""
        row = self._of_reader(request, object_id)
        replay = Replay.objects.filter(pk=pk, conversation=row).first() if pk < 2**63 else None
        if replay is None:
            raise Http404
        was_read(request.user, row, "replay")
        return self._replay_page(request, row, "replay.html", self._beside(request, row, replay))

    def _beside(self, request: HttpRequest, row: Conversation, replay: Replay) -> dict[str, Any]:
        recorded = {one.step: one for one in said_in(row.pk, replay.run)}
        pairs = [_pair(n, answer, recorded.get(answer["step"])) for n, answer in enumerate(replay.steps)]
        if not pairs and (first := recorded.get(replay.step)) is not None:
            pairs = [_pair(0, None, first)]
        sends = Operator(request.user).may("replay", SEND)
        again = base.address(
            "chat_conversation_replay", row.pk, replay.seq, **({"whole": "1"} if replay.whole else {})
        )
        return {
            "title": _("Replay"),
            "replay": replay,
            "state": base.badge(replay.state, str(replay.get_state_display())),
            "facts": _facts(replay),
            "progress": _progress(replay),
            "ended": detail(replay.detail) if replay.detail else "",
            "reload": RELOAD_S if replay.open else 0,
            "pairs": pairs,
            "request_address": base.address("chat_conversation_request", row.pk, replay.seq),
            "again": again if sends and not replay.open else "",
        }

    def _of_reader(self, request: HttpRequest, object_id: UUID) -> Conversation:
        """The conversation, for whoever may read it."""
        if not (self.has_view_permission(request) and Operator(request.user).reads):
            raise PermissionDenied
        row = Conversation.objects.filter(pk=object_id).first()
        if row is None:
            raise Http404
        return row

    def _replay_page(
        self, request: HttpRequest, row: Conversation, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "row": row,
            "words": WORDS,
            **context,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"admin/chat/conversation/{template}", shared)


def replay_link(run: Run) -> Action | None:
    """The link that asks for a replay of a whole run; None: it has no step."""
    rows = Event.objects.filter(conversation=run.conversation_id, type="step.started", seq__gt=run.seq)
    found = rows.order_by("seq").values_list("seq", "text").first()
    event: Any = from_json(found[1]) if found is not None else None
    if found is None or event.run != run.run:
        return None
    address = base.address("chat_conversation_replay", run.conversation_id, found[0], whole="1")
    return Action(str(WORDS["again_run"]), address)


def replays_of(row: Conversation, seq: int) -> list[dict[str, Any]]:
    """The newest replays of one request, for a list on its page."""
    found = Replay.objects.filter(conversation=row, seq=seq).order_by("-pk")[:20]
    return [
        {
            "address": base.address("chat_conversation_replayed", row.pk, one.pk),
            "label": _name(one),
            "state": base.badge(one.state, str(one.get_state_display())),
            "by": one.by,
            "at": base.time(one.created_at).rpartition(".")[0],
        }
        for one in found
    ]


def _name(replay: Replay) -> str:
    """To whom it goes, in the reader's language as far as that is ours."""
    return str(WORDS["same_model"]) if replay.target == SAME else replay.target_name


def _facts(replay: Replay) -> list[tuple[str, Any]]:
    took = base.took(replay.started_at, replay.ended_at)
    pairs: tuple[tuple[str, Any], ...] = (
        (gettext("step"), replay.step),
        (gettext("sent to"), _name(replay)),
        (gettext("asked for by"), replay.by),
        (gettext("asked for (UTC)"), base.time(replay.created_at).rpartition(".")[0]),
        (gettext("took"), took if replay.ended_at else ""),
        (gettext("tokens"), base.tokens(replay) if replay.steps else ""),
    )
    return [(name, value) for name, value in pairs if value]


def _progress(replay: Replay) -> str:
    if replay.state == "running":
        return str(WORDS["runs"])
    if replay.state == "waiting":
        return str(WORDS["slow" if now_ms() - replay.created_at > SLOW_S * 1000 else "waits"])
    return ""


def _pair(n: int, answer: Any, recorded: Said | None) -> dict[str, Any]:
    """One row of the page: an answer of the replay, None while there is none, and the recorded one."""
    if answer is None:
        request = ""
    elif recorded is None:
        request = str(WORDS["beyond"])
    else:
        request = str(WORDS[{True: "same", False: "other", None: "another_model"}[answer["same"]]])
    return {
        "number": n + 1,
        "step": answer["step"] if answer else recorded.step if recorded else "",
        "request": request,
        "sides": [
            {"title": WORDS["recorded"], **(_recorded(recorded) if recorded else {"missing": True})},
            {"title": WORDS["answer"], **(_replayed(answer) if answer else {"missing": True})},
        ],
    }


def _recorded(said: Said) -> dict[str, Any]:
    calls = [(call.name, call.arguments, call.status) for call in said.calls]
    return _side(
        said.text, said.reasoning, calls, said.usage, said.model, said.finish, said.ms, said.first_ms
    )


def _replayed(answer: Any) -> dict[str, Any]:
    word = {True: str(WORDS["answered"]), False: str(WORDS["not_run"])}
    calls = [(call["name"], call["arguments"], word[bool(call["answered"])]) for call in answer["calls"]]
    usage = Usage.model_validate(answer["usage"], extra="ignore")
    return _side(
        answer["text"], answer["reasoning"], calls, usage, answer["model"], answer["finish"],
        answer["ms"], answer["first_ms"],
    )  # fmt: skip


def _side(
    text: str,
    reasoning: str,
    calls: list[tuple[str, str, str]],
    usage: Usage,
    model: str,
    finish: str,
    ms: int | None,
    first_ms: int | None,
) -> dict[str, Any]:
    cached = f" ({usage.cached:,} cached)" if usage.cached else ""
    facts = (
        (WORDS["model"], model),
        (WORDS["tokens"], f"{usage.input:,} in{cached}, {usage.output:,} out{base.cost(usage.cost)}"),
        (WORDS["took"], "" if ms is None else f"{ms / 1000:.2f} s"),
        (WORDS["first"], "" if first_ms is None else f"{first_ms / 1000:.2f} s"),
        (WORDS["ended_by"], finish),
    )
    return {
        "facts": [(name, value) for name, value in facts if value],
        "text": base.block(text, MAX_TEXT) if text else "",
        "reasoning": base.block(reasoning, MAX_TEXT) if reasoning else "",
        "calls": [
            {"name": name, "arguments": base.pretty(arguments), "state": state}
            for name, arguments, state in calls
        ],
    }
