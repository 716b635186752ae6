"""The admin's page on which an agent's provider is tried: what it costs, how far it is, what came of it."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from agents.clock import SystemClock
from agents.lab.meter import Budget
from agents.serving import lab_words
from agents.serving.resolve import with_defaults
from agents.serving.trials import ProviderTrial, ask_for, stop

#: Seconds after which a page of a trial that is under way is loaded again; and after which somebody wonders why no
#: worker takes it.
RELOAD_S = 2
SLOW_S = 15


def trial_page(owner: "ModelAdmin[Any]", request: HttpRequest, agent: Any) -> HttpResponse:
    """Show the agent's newest trial; by POST, ask for one or end it. Raises PermissionDenied."""
    if not owner.has_change_permission(request, agent):
        raise PermissionDenied
    if request.method == "POST":
        if "stop" in request.POST:
            stop(agent)
        else:
            ask_for(agent, request.user.get_username(), SystemClock().now())
            owner.log_change(request, agent, "Asked for a trial of its provider.")
        return HttpResponseRedirect(request.path)
    return TemplateResponse(request, "admin/agents/agent/try.html", _context(owner, request, agent))


def _context(owner: "ModelAdmin[Any]", request: HttpRequest, agent: Any) -> dict[str, Any]:
    spec, budget = with_defaults(agent.spec()), Budget()
    trial = ProviderTrial.objects.filter(agent=agent).first()
    report = trial.report if trial is not None else None
    return {
        **owner.admin_site.each_context(request),
        "title": _("Try its provider"),
        "opts": owner.opts,
        "row": agent,
        "explained": _(
            "A worker has fourteen short conversations with %(model)s at %(address)s: with stops and messages during "
            "calls, notes and limits after results, pictures and more. What is refused is tried with other profiles. "
            "Nothing is stored in any chat. It takes about forty small requests, and at most %(requests)d requests, "
            "%(tokens)s tokens, %(dollars)s US dollars (where prices are known) and %(minutes)d minutes."
        )
        % {
            "model": spec.model,
            "address": spec.base_url,
            "requests": budget.requests,
            "tokens": f"{budget.tokens:,}",
            "dollars": f"{budget.dollars:g}",
            "minutes": budget.seconds // 60,
        },
        "trial": trial,
        "reload": RELOAD_S if trial is not None and trial.open else 0,
        "progress": _progress(trial) if trial is not None else "",
        "tables": lab_words.tables(report) if report else [],
        "conclusion": lab_words.conclusion(report) if report and trial and trial.state == "over" else "",
        "sums": lab_words.sums(report) if report else "",
        "begin": _("Try it again") if trial else _("Try it"),
        "end": _("End it"),
        "heads": [_("conversation"), _("what came of it"), _("it took")],
    }


def _progress(trial: ProviderTrial) -> str:
    if trial.state == "running":
        ending = _(" It is being ended.") if trial.stopping else ""
        return (
            _("%(done)d of %(total)d conversations are over.")
            % {
                "done": trial.done,
                "total": trial.total,
            }
            + ending
        )
    if trial.state == "failed":
        return _failure(trial.error)
    if trial.state == "over":
        return ""
    if SystemClock().now() - trial.created_at > SLOW_S * 1000:
        return _("No worker has taken it yet. Is one running?")
    return _("A worker will take it in a moment.")


def _failure(error: str) -> str:
    if error == "stopped":
        return _("It was ended before it was over.")
    if error == "lost":
        return _("Its worker has ended. It is not begun again by itself; try it again if you like.")
    return error
