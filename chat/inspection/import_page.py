"""The page on which an exported conversation is taken in, as a new one of a chosen owner."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.inspection import base
from chat.inspection.operating import Operator
from chat.portable.reading import BadImport, read
from chat.portable.store import bring_in

#: By which permission a conversation may be taken in.
IMPORT = "chat.import_conversation"

WORDS = {
    "explained": _(
        "The JSON that an export wrote, here or on another installation, becomes a new conversation. Nothing in it "
        "acts again: no run is begun and no tool is called, and what was open is closed. All of it is taken in, or "
        "nothing."
    ),
    "button": _("Import it"),
    "no": _("No, take me back"),
}


class ImportForm(forms.Form):
    """The file, and whose it will be."""

    file = forms.FileField(label=_("File"))
    owner = forms.CharField(label=_("Owner's username"), max_length=150)

    def clean_owner(self) -> Any:
        """The user of this name."""
        found = get_user_model().objects.filter(username=self.cleaned_data["owner"].strip()).first()
        if found is None or not found.is_active:
            raise forms.ValidationError(_("There is nobody with this username who may log in."))
        return found

    def clean_file(self) -> Any:
        """The file, if it is not too large."""
        file, most = self.cleaned_data["file"], settings.HOLDFAST_MAX_IMPORT_BYTES
        if file.size > most:
            raise forms.ValidationError(_("The file is larger than {most} bytes.").format(most=f"{most:,}"))
        return file


class ImportAdmin(admin.ModelAdmin):
    """A conversation's admin with a page that takes one in."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.bring_in)
        return [path("import/", view, name="chat_conversation_import"), *super().get_urls()]

    def bring_in(self, request: HttpRequest) -> HttpResponse:
        """Ask for the file and the owner, and take it in."""
        if not may_import(request):
            raise PermissionDenied
        posted = request.method == "POST"
        form = ImportForm(
            request.POST if posted else None,
            request.FILES if posted else None,
            initial={"owner": request.user.get_username()},
        )
        if request.method == "POST" and form.is_valid():
            try:
                document = read(form.cleaned_data["file"].read(), settings.HOLDFAST_MAX_IMPORT_BYTES)
                owner = form.cleaned_data["owner"]
                done = bring_in(document, owner, request.user.get_username(), prompts=True)
            except BadImport as problem:
                form.add_error("file", str(problem))
            else:
                row = done.conversation
                self.log_addition(request, row, f"Imported for {owner.get_username()}.")
                messages.success(request, gettext("The conversation was imported."))
                if done.closed:
                    messages.info(request, gettext("What was open in it was closed."))
                if done.missing:
                    told = gettext(
                        "Files that the export does not carry, or that are not taken here: {names}"
                    )
                    messages.warning(request, told.format(names=", ".join(done.missing[:20])))
                return HttpResponseRedirect(base.address("chat_conversation_change", row.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import a conversation"),
            "opts": self.opts,
            "form": form,
            "words": WORDS,
            "back": base.address("chat_conversation_changelist"),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/chat/conversation/import.html", context)


def may_import(request: HttpRequest) -> bool:
    """Whether this reader may take conversations in."""
    return Operator(request.user).may("import", IMPORT)
