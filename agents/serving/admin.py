"""Providers in Django's admin. A key can be entered and taken away; nobody gets to see it again."""

from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from agents.clock import SystemClock
from agents.profiles import all_profiles, guess
from agents.serving import words
from agents.serving.keys import canonical
from agents.serving.learned import learned_words
from agents.serving.listing import CannotList, list_models
from agents.serving.models import ModelProvider, ProviderModel
from agents.serving.resolve import default_model

if TYPE_CHECKING:  # Django's own classes take no type argument when the program runs.
    _ProviderForm = forms.ModelForm[ModelProvider]
    _ProviderAdmin = admin.ModelAdmin[ModelProvider]
    _Inline = admin.TabularInline[ProviderModel, ModelProvider]
else:
    _ProviderForm, _ProviderAdmin, _Inline = forms.ModelForm, admin.ModelAdmin, admin.TabularInline


class ProviderForm(_ProviderForm):
    """The key's field is empty, whatever is stored; left empty it keeps what is stored for this address."""

    new_key = forms.CharField(
        label=lazy("New key"),
        required=False,
        max_length=1_000,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "size": 60}),
        help_text=lazy(
            "Stored encrypted, for the address above only, and never shown again. Empty: it stays as it is."
        ),
    )
    forget_key = forms.BooleanField(label=lazy("Take the stored key away"), required=False)

    class Meta:
        model = ModelProvider
        fields = ("name", "address", "dialect", "profile")
        widgets: ClassVar = {
            "address": forms.TextInput(attrs={"size": 60, "placeholder": "https://api.example.com/v1"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "new_key" in self.fields and self.instance.pk is None:
            self.fields["new_key"].help_text = _(
                "Stored encrypted, for the address above only, and never shown again. Empty: none, or the "
                "environment’s for the same server."
            )
        if "dialect" in self.fields:
            by_profile = [("", _("As the profile says")), *words.dialects()]
            self.fields["dialect"].widget = forms.Select(choices=by_profile)
            guessed = [("", _("Guessed for each model")), *words.profiles()]
            self.fields["profile"].widget = forms.Select(choices=guessed)

    def clean(self) -> dict[str, Any]:
        """Keys are plain ASCII without blanks: what else is typed in here is a mistake."""
        cleaned: dict[str, Any] = super().clean() or {}
        key = cleaned.get("new_key") or ""
        if key and (not key.isascii() or not key.isprintable() or " " in key):
            self.add_error("new_key", _("A key has no blanks and no letters beyond ASCII. Copy it again."))
        if key and cleaned.get("forget_key"):
            self.add_error("forget_key", _("Enter a new key or take the old one away, not both."))
        return cleaned

    def save(self, commit: bool = True) -> ModelProvider:
        """The row with the key that was entered, for the address that was entered."""
        row: ModelProvider = super().save(commit=False)
        if row.follows_environment:
            pass  # its keys are the environment's, whatever somebody has posted
        elif self.cleaned_data.get("new_key"):
            row.set_key(self.cleaned_data["new_key"])
        elif self.cleaned_data.get("forget_key"):
            row.set_key("")
        if commit:
            row.save()
        return row


class FiguresInline(_Inline):
    """Windows and prices of a provider's models."""

    model = ProviderModel
    extra = 0


@admin.register(ModelProvider)
class ModelProviderAdmin(_ProviderAdmin):
    """Who serves models. The row that follows the environment is shown and cannot be changed; what is known of its
    models can."""

    form = ProviderForm
    inlines = (FiguresInline,)
    change_form_template = "admin/agents/modelprovider/change_form.html"
    list_display = ("name", "asked_at", "key", "rules", "listed_models", "used")
    search_fields = ("name", "address")

    def get_fieldsets(self, request: HttpRequest, obj: ModelProvider | None = None) -> Any:
        """Fields that are no columns are only for those who may fill them in."""
        own = obj is None or not obj.follows_environment
        edits = own and (self.has_change_permission(request, obj) if obj else True)
        where = ["name", "address"] if own else ["asked_at", "environment_model"]
        keys = [
            *(["key"] if obj else []),
            *(["new_key"] if edits else []),
            *(["forget_key"] if edits and obj else []),
        ]
        found: list[Any] = [
            (None, {"fields": where}),
            (_("Key"), {"fields": keys}),
            (_("Which rules are kept"), {"fields": ["dialect", "profile"] if own else ["rules"]}),
        ]
        if obj is not None:
            found.append((_("What it has"), {"fields": ["listed_told"]}))
            found.append((_("What was learned of it"), {"fields": ["learned_told"]}))
            found.append((_("Who uses it"), {"fields": ["used_by"]}))
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: ModelProvider | None = None) -> Any:
        """What is told, and all of the environment's row."""
        told = ["key", "listed_told", "learned_told", "used_by"]
        return [*told, "asked_at", "environment_model", "rules"] if obj and obj.follows_environment else told

    def has_delete_permission(self, request: HttpRequest, obj: ModelProvider | None = None) -> bool:
        """The environment's row stays: it would only come back."""
        return super().has_delete_permission(request, obj) and not getattr(obj, "follows_environment", False)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ModelProvider]":
        return super().get_queryset(request).prefetch_related("agents", "fallbacks__agent")

    # ---- columns ----

    @admin.display(description=lazy("base address"))
    def asked_at(self, row: ModelProvider) -> str:
        return row.where

    @admin.display(description=lazy("key"))
    def key(self, row: ModelProvider) -> str:
        return words.key_words(row)

    @admin.display(description=lazy("model of agents that name none"))
    def environment_model(self, row: ModelProvider) -> str:
        return default_model()

    @admin.display(description=lazy("rules"))
    def rules(self, row: ModelProvider) -> str:
        profile = all_profiles().get(row.profile)
        if profile is not None:
            return profile.title
        if row.dialect:
            return dict(words.dialects()).get(row.dialect, row.dialect)
        if row.follows_environment:
            return _("%(profile)s (guessed)") % {"profile": guess(row.where, default_model()).title}
        return _("guessed for each model")

    @admin.display(description=lazy("models"))
    def listed_models(self, row: ModelProvider) -> str:
        return "–" if row.listed_at is None else str(len(row.listed))

    @admin.display(description=lazy("agents"))
    def used(self, row: ModelProvider) -> int:
        return len(self._agents_of(row))

    @admin.display(description=lazy("models that it lists"))
    def listed_told(self, row: ModelProvider) -> SafeString | str:
        return words.listed_words(row)

    @admin.display(description=lazy("in which form it takes requests"))
    def learned_told(self, row: ModelProvider) -> SafeString | str:
        return learned_words(row.where)

    @admin.display(description=lazy("agents"))
    def used_by(self, row: ModelProvider) -> SafeString | str:
        agents = sorted(self._agents_of(row).items())
        rows = [(reverse("admin:agents_agent_change", args=[pk]), one) for pk, one in agents]
        return format_html_join(", ", '<a href="{}">{}</a>', rows) if rows else "–"

    def _agents_of(self, row: ModelProvider) -> dict[Any, Any]:
        """The agents whose model, or one that stands in, is served here; the environment's are those of nobody, too."""
        found = [*row.agents.all(), *(one.agent for one in row.fallbacks.all())]
        if row.follows_environment:
            found += row.agents.model._default_manager.filter(provider=None, base_url="")
        return {one.pk: one for one in found}

    # ---- changing ----

    def save_model(self, request: HttpRequest, obj: ModelProvider, form: Any, change: bool) -> None:
        """Store it, and say so when a key was taken away because of another address."""
        before = ModelProvider.objects.filter(pk=obj.pk).first() if change else None
        super().save_model(request, obj, form, change)
        moved = before is not None and canonical(before.address) != canonical(obj.address)
        if moved and before is not None and before.sealed_key and not obj.sealed_key:
            messages.warning(
                request,
                _(
                    "The address is another one, so the stored key was taken away. Enter the key of the new address."
                ),
            )

    def get_urls(self) -> list[Any]:
        listing = path(
            "<path:object_id>/models/",
            self.admin_site.admin_view(self.list_view),
            name="agents_modelprovider_models",
        )
        return [listing, *super().get_urls()]

    def list_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the provider for its models, and keep the list. Only by POST: to open a page sends no key."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.get_object(request, object_id)
        if row is None or not self.has_change_permission(request, row):
            raise PermissionDenied
        try:
            found = async_to_sync(list_models)(row.where, row.key, self._dialect(row))
        except CannotList as problem:
            messages.error(request, str(problem))
        else:
            row.keep_listed(found, SystemClock().now())
            self.log_change(request, row, f"Listed {len(found)} models.")
            messages.success(request, _("%(count)d models were listed.") % {"count": len(found)})
        return HttpResponseRedirect(reverse("admin:agents_modelprovider_change", args=[row.pk]))

    def _dialect(self, row: ModelProvider) -> str:
        profile = all_profiles().get(row.profile)
        return row.dialect or (profile.dialect if profile is not None else guess(row.where, "").dialect)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None and self.has_change_permission(request, row):
            context["list_label"] = _("List its models")
            context["list_address"] = reverse("admin:agents_modelprovider_models", args=[row.pk])
        if row is not None and row.follows_environment:
            context["note"] = _(
                "This row follows the environment: OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL. It is changed "
                "there and not here; what its models read and cost may be entered below."
            )
        return super().render_change_form(request, context, *args, **kwargs)
