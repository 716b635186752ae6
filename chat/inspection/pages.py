"""The pages on which an operator stops a run or settles a call: what it is about, the choice, and a confirmation."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agents.events import ACTIVE_RUN
from chat.commands import MAX_NOTE, MAX_TEXT, ApproveBody, SettleBody, StopBody
from chat.inbox import CommandResult
from chat.inspection import base
from chat.inspection.operating import DECISIONS, Action, Operator, submit
from chat.models import Call, Run, Step

DONE = {
    "happened": _("Recorded: it happened. The agent reads the result that you gave."),
    "did_not_happen": _("Recorded: it did not happen. The agent is told so."),
    "run_again": _("The call will be run again."),
}
#: What is refused for another reason than that somebody was faster.
REFUSED = {
    "not_found": _("Nothing was done: the conversation was deleted."),
    "unavailable": _("Nothing was done: the database or Redis does not answer. Try again in a moment."),
    "id_reused": _("This page was sent before, with another choice. What was chosen first stands."),
}


class CommandForm(forms.Form):
    """A command, with the id that makes sending it twice have one effect (rule W5)."""

    command = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    back = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20)


class SettleForm(CommandForm):
    """What became of a call in doubt."""

    decision = forms.ChoiceField(choices=DECISIONS, widget=forms.RadioSelect, label=_("What became of it"))
    result = forms.CharField(
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        label=_("Result"),
        help_text=_(
            "What the agent reads as the call's result: what it returned, or how you know that it did not happen. May "
            "be empty. Not used when the call is run again."
        ),
    )


class ApproveForm(CommandForm):
    """Whether a call may run, about exactly what was shown (rule W8)."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    decision = forms.ChoiceField(
        choices=(("approve", _("It may run")), ("refuse", _("It may not"))),
        widget=forms.RadioSelect,
        label=_("Your word"),
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Reason"),
        help_text=_("Of a refusal, for the model to read. May be empty."),
    )


class OperatedAdmin(admin.ModelAdmin):
    """A read-only admin whose rows an operator may do something about, on a page of its own."""

    change_form_template = "admin/chat/operated.html"
    #: The last part of the address of that page.
    page: str

    def operate(self, request: HttpRequest, row: Any) -> HttpResponse:
        """The page."""
        raise NotImplementedError

    def actions_of(self, request: HttpRequest, row: Any) -> list[Action]:
        """What the reader may do about a row."""
        raise NotImplementedError

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{self.page}"
        view = self.admin_site.admin_view(self._operate)
        return [path(f"<path:object_id>/{self.page}/", view, name=name), *super().get_urls()]

    def _operate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            messages.warning(request, gettext("There is no such row (any more)."))
            return HttpResponseRedirect(base.address(f"chat_{self.opts.model_name}_changelist"))
        return self.operate(request, row)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        context["actions"] = self.actions_of(request, row) if row is not None else []
        context["in_doubt"] = _(
            "Its worker died while this call ran. Nobody knows whether it took effect: look there, then say so."
        )
        return super().render_change_form(request, context, *args, **kwargs)


def settle_page(owner: OperatedAdmin, request: HttpRequest, row: Call) -> HttpResponse:
    """Ask what became of a call in doubt, and record it. Raises PermissionDenied."""
    operator = Operator(request.user)
    if not operator.settles:
        raise PermissionDenied
    form = SettleForm(
        request.POST if request.method == "POST" else None, initial=_initial(request, "decision", "back")
    )
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        body = SettleBody(kind="settle", call=row.call, decision=said["decision"], result=said["result"])
        result = submit(operator, row, str(said["command"]), body)
        row.refresh_from_db()
        if result.status != "rejected":
            owner.log_change(request, row, f"Settled: {said['decision']}.")
            messages.success(request, DONE[said["decision"]])
        elif result.retry:
            messages.error(request, REFUSED["unavailable"])
            return _page(owner, request, row, form)
        else:
            messages.warning(request, _refusal(result, _word_on(row)))
        return _after(request, row, said["back"])
    if row.status != "in_doubt":
        messages.warning(request, _word_on(row))
        return _after(request, row, request.GET.get("back", ""))
    return _page(owner, request, row, form)


def approve_page(owner: "admin.ModelAdmin[Any]", request: HttpRequest, row: Call) -> HttpResponse:
    """Show what a call was given, and allow or refuse it. Raises PermissionDenied."""
    operator = Operator(request.user)
    if not operator.approves:
        raise PermissionDenied
    asked = approval_of(row)
    digest = asked["digest"] if asked is not None and asked["decision"] is None else ""
    form = ApproveForm(
        request.POST if request.method == "POST" else None,
        initial={**_initial(request, "decision", "back"), "digest": digest},
    )
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        body = ApproveBody(
            kind="approve",
            call=row.call,
            digest=said["digest"],
            decision=said["decision"],
            note=said["note"],
        )
        result = submit(operator, row, str(said["command"]), body)
        row.refresh_from_db()
        if result.status != "rejected":
            owner.log_change(request, row, f"Decided: {said['decision']}.")
            messages.success(request, gettext("Recorded. The conversation shows that it was you."))
        elif result.retry:
            messages.error(request, REFUSED["unavailable"])
            return _approval(owner, request, row, form)
        else:
            late = gettext("Nothing was done: somebody was faster, or what the call asks has changed.")
            messages.warning(request, _refusal(result, late))
        return _after(request, row, said["back"])
    if row.status != "awaiting_approval" or not digest:
        messages.warning(request, gettext("This call does not wait for anybody's word."))
        return _after(request, row, request.GET.get("back", ""))
    return _approval(owner, request, row, form)


def approval_of(row: Call) -> dict[str, Any] | None:
    """What the step's item says of the approval of a call; None: nobody was asked."""
    step = Step.objects.filter(conversation=row.conversation_id, step=row.step).first()
    calls = step.body["calls"] if step is not None else []
    return next((call.get("approval") for call in calls if call["id"] == row.call), None)


def _approval(
    owner: "admin.ModelAdmin[Any]", request: HttpRequest, row: Call, form: forms.Form
) -> HttpResponse:
    context = {
        **owner.admin_site.each_context(request),
        "title": _("May this call run?"),
        "opts": owner.opts,
        "row": row,
        "form": form,
        "facts": (
            (_("tool"), row.name),
            (_("conversation"), row.conversation),
            (_("of"), row.conversation.owner),
            (_("effect"), row.effect),
        ),
        "button": _("Record this"),
        "no": _("No, take me back"),
        "back": _where(row, str(form["back"].value() or "")),
    }
    request.current_app = owner.admin_site.name
    return TemplateResponse(request, "admin/chat/approve.html", context)


def stop_page(owner: OperatedAdmin, request: HttpRequest, row: Run) -> HttpResponse:
    """Ask whether to stop a run, and stop it. Raises PermissionDenied."""
    operator = Operator(request.user)
    if not operator.stops:
        raise PermissionDenied
    form = CommandForm(request.POST if request.method == "POST" else None, initial=_initial(request, "back"))
    if request.method == "POST" and form.is_valid():
        result = submit(operator, row, str(form.cleaned_data["command"]), StopBody(kind="stop", run=row.run))
        row.refresh_from_db()
        if result.status != "rejected":
            owner.log_change(request, row, "Stopped.")
            over = row.status not in ACTIVE_RUN
            messages.success(
                request, gettext("The run was stopped.") if over else gettext("The run is being stopped.")
            )
        elif result.retry:
            messages.error(request, REFUSED["unavailable"])
            return _page(owner, request, row, form)
        else:
            messages.warning(
                request,
                _refusal(result, gettext("The run was over already: {status}.").format(status=row.status)),
            )
        return _after(request, row, form.cleaned_data["back"])
    if row.status not in ACTIVE_RUN:
        messages.warning(request, gettext("The run is over already: {status}.").format(status=row.status))
        return _after(request, row, request.GET.get("back", ""))
    return _page(owner, request, row, form)


def _initial(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.GET[name] for name in names if name in request.GET}


def _page(owner: OperatedAdmin, request: HttpRequest, row: Run | Call, form: forms.Form) -> HttpResponse:
    of: Any = ((_("conversation"), row.conversation), (_("of"), row.conversation.owner))
    begun: Any = ((_("attempt"), row.attempt), (_("started (UTC)"), base.time(row.started_at)))
    own: dict[str, Any]
    if isinstance(row, Call):
        own = {
            "title": _("What became of this call?"),
            "facts": ((_("tool"), row.name), *of, *begun, (_("worker"), row.worker)),
            "told": _(
                "The worker of this call died while it ran, so nobody knows whether it took effect. Find out, then "
                "choose. The run goes on with what you say, and the conversation shows that it was you."
            ),
            "warned": _("Have it run again only if it did not happen, or may happen twice."),
            "button": _("Record this"),
        }
    else:
        own = {
            "title": _("Stop this run?"),
            "facts": ((_("run"), row.run), *of, (_("state"), row.status), *begun),
            "told": _(
                "The model and running tools are cancelled, and every open call is closed. What a tool has done "
                "already is not undone. The conversation shows that you stopped it, and goes on when somebody speaks "
                "again."
            ),
            "button": _("Stop it"),
        }
    context = {
        **owner.admin_site.each_context(request),
        **own,
        "opts": owner.opts,
        "row": row,
        "form": form,
        "no": _("No, take me back"),
        "back": _where(row, str(form["back"].value() or "")),
    }
    request.current_app = owner.admin_site.name
    return TemplateResponse(request, f"admin/chat/{owner.page}.html", context)


def _where(row: Run | Call, back: str) -> str:
    if back == "conversation":
        return base.address("chat_conversation_change", row.conversation_id)
    return base.address(f"chat_{row._meta.model_name}_change", row.pk)


def _after(request: HttpRequest, row: Run | Call, back: str) -> HttpResponse:
    return HttpResponseRedirect(_where(row, back))


def _word_on(row: Call) -> str:
    """What has become of a call that is in doubt no more, and who said so."""
    if row.status == "in_doubt":
        return gettext("The call is still in doubt.")
    if row.ended_at is None:
        told = (
            gettext("This call is in doubt no more: it is {status}, decided by {by}.")
            if row.by
            else gettext("This call is in doubt no more: it is {status}.")
        )
        return told.format(status=row.status, by=row.by)
    told = (
        gettext("This call was settled already by {by} at {when} UTC: {status}.")
        if row.by
        else gettext("This call was settled already at {when} UTC: {status}.")
    )
    return told.format(status=row.status, by=row.by, when=base.time(row.ended_at))


def _refusal(result: CommandResult, word: str) -> str:
    return str(REFUSED.get(result.code or "", word))
