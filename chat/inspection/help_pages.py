"""The pages on which an operator confirms an action of `helping.py`, and the links to them."""

from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from chat.inspection import base
from chat.inspection.helping import Help, carry_out
from chat.inspection.operating import Action, Operator


class ConfirmForm(forms.Form):
    """Says only that it was meant. `command` tells a page that was sent twice from two pages."""

    command = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)


class HelpedAdmin(admin.ModelAdmin):
    """An admin whose rows an operator may do something about. Name it before ReadOnlyAdmin."""

    helps: ClassVar[tuple[Help, ...]] = ()

    def get_urls(self) -> list[Any]:
        model = self.opts.model_name
        own = [
            path(
                f"<path:object_id>/{help.name}/",
                self.admin_site.admin_view(self._page(help)),
                name=f"chat_{model}_{help.name}",
            )
            for help in self.helps
        ]
        return [*own, *super().get_urls()]

    def help_links(self, request: HttpRequest, row: Any) -> list[Action]:
        """What this reader may do about a row now."""
        operator = Operator(request.user)
        return [
            Action(str(help.label), base.address(f"chat_{self.opts.model_name}_{help.name}", row.pk))
            for help in self.helps
            if operator.may(help.wanted, help.permission) and not help.why_not(row)
        ]

    def _page(self, help: Help) -> Any:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            return self._confirm(request, object_id, help)

        return view

    def _confirm(self, request: HttpRequest, object_id: str, help: Help) -> HttpResponse:
        operator = Operator(request.user)
        if not (self.has_view_permission(request) and operator.may(help.wanted, help.permission)):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        back = base.address(f"chat_{self.opts.model_name}_change", row.pk)
        if why_not := help.why_not(row):
            messages.warning(request, why_not)
            return HttpResponseRedirect(back)
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            done = carry_out(help, row, request.user.get_username())
            if done.well:
                self.log_change(request, row, f"{help.name}.")
                messages.success(request, done.text)
                return HttpResponseRedirect(back)
            messages.error(request, done.text)
            if not done.retry:
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": help.title,
            "opts": self.opts,
            "row": row,
            "form": form,
            "explained": help.explained,
            "button": help.button,
            "no": _("No, take me back"),
            "back": back,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/chat/help.html", context)
