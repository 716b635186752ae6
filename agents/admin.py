"""The agents in Django's admin: who they are, what they may use, when they stop."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from agents import extensions
from agents.learned.admin import LearnedRuleAdmin
from agents.models import Agent, default_tools, installed_tools
from agents.profiles import choose
from agents.providers.base import Profile
from agents.serving import words
from agents.serving.admin import ModelProviderAdmin
from agents.serving.models import MAX_FALLBACKS, AgentFallback, environment_provider
from agents.serving.resolve import model_names, provider_of, with_defaults
from agents.serving.trial_page import trial_page
from agents.tools.notes.admin import NoteAdmin

__all__ = ["AgentAdmin", "LearnedRuleAdmin", "ModelProviderAdmin", "NoteAdmin"]

if TYPE_CHECKING:  # Django's own classes take no type argument when the program runs.
    _AgentForm = forms.ModelForm[Agent]
    _AgentAdmin = admin.ModelAdmin[Agent]
    _FallbackInline = admin.TabularInline[AgentFallback, Agent]
else:
    _AgentForm, _AgentAdmin, _FallbackInline = forms.ModelForm, admin.ModelAdmin, admin.TabularInline

_GONE = lazy("not installed here: its model is not told of it")
_EFFECTS = {
    "read_only": lazy("only reads"),
    "idempotent": lazy("safe to repeat"),
    "effectful": lazy("changes something"),
}


class ToolsField(forms.TypedMultipleChoiceField):
    """Checkboxes for the installed tools; one that is not installed any more stays visible while the agent names it."""

    widget = forms.CheckboxSelectMultiple

    def prepare_value(self, value: Any) -> Any:
        return [str(name) for name in value] if isinstance(value, list | tuple) else value


class AgentForm(_AgentForm):
    """The agent's form: the model's own validation, and tools as checkboxes."""

    tools = ToolsField(required=False, label=lazy("Tools"))
    approval_tools = ToolsField(required=False, label=lazy("Ask a person before"))

    class Meta:
        model = Agent
        fields = "__all__"
        labels: ClassVar = {
            "slug": lazy("Slug"),
            "name": lazy("Name"),
            "description": lazy("Description"),
            "prompt": lazy("Prompt"),
            "enabled": lazy("Enabled"),
            "parallel_calls": lazy("Parallel calls"),
        }
        widgets: ClassVar = {
            "prompt": forms.Textarea(attrs={"rows": 12, "cols": 90}),
            "description": forms.TextInput(attrs={"size": 90}),
            "fetch_hosts": forms.Textarea(attrs={"rows": 3, "cols": 60}),
            "model": forms.TextInput(attrs={"size": 60, "list": "hf-models"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "profile" not in self.fields:
            return  # for staff who may only look: Django shows the values and no fields
        box = installed_tools()
        sets = {tool.name: one.title for one in extensions.toolsets for tool in one.tools}
        short = [
            (name, _label(name, str(_EFFECTS[box.effect(name)]), sets.get(name, ""))) for name in box.names
        ]
        whole = [(name, f"{label}: {box.summary(name)}") for name, label in short]
        guessed = _("The provider’s, or guessed: %(profile)s") % {
            "profile": profile_of(self.instance, guess=True).title
        }
        self.fields["profile"].widget = forms.Select(choices=[("", guessed), *words.profiles()])
        provider = self.fields["provider"]
        provider.required = True
        if self.instance.provider_id is None and not self.instance.base_url:
            # What an agent names that was made before there were providers: nobody.
            self.initial["provider"] = self.initial.get("provider") or environment_provider().pk
        elif not self.instance.address_is_mirrored:
            self.initial["provider"] = None
        sees = forms.NullBooleanSelect()
        sees.choices = [("unknown", _("Guessed")), ("true", _("Yes")), ("false", _("No"))]
        self.fields["vision"].widget = sees
        helped = {
            "tools": Agent._meta.get_field("tools").help_text,
            "approval_tools": Agent._meta.get_field("approval_tools").help_text,
        }
        for name, text in helped.items():
            field = self.fields[name]
            assert isinstance(field, ToolsField)
            gone = [tool for tool in getattr(self.instance, name) if tool not in box.names]
            choices = whole if name == "tools" else short
            field.choices = choices + [(tool, f"{tool} ({_GONE})") for tool in gone]
            field.help_text = str(text)
        if self.instance.pk is None:
            self.fields["tools"].initial = default_tools()
            # Decision 0023: an agent that a person makes asks, until that person says that it need not.
            self.fields["ask_effectful"].initial = True


def _label(name: str, effect: str, toolset: str) -> str:
    return f"{name} ({effect}; {toolset})" if toolset else f"{name} ({effect})"


def profile_of(agent: Agent, *, guess: bool = False) -> Profile:
    """The profile that requests of this agent follow; with `guess`, the one it would have if it named none."""
    spec = with_defaults(agent.spec(profile="" if guess else agent.profile))
    return choose(spec.profile, spec.base_url, spec.model)


class FallbackInline(_FallbackInline):
    """Who stands in, in this order."""

    model = AgentFallback
    extra = 0
    max_num = MAX_FALLBACKS

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The same suggestions as for the agent's own model."""
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "model" and found is not None:
            found.widget = forms.TextInput(attrs={"size": 40, "list": "hf-models"})
        return found


@admin.register(Agent)
class AgentAdmin(_AgentAdmin):
    """Agents can be changed at any time; a run keeps the agent that it started with."""

    form = AgentForm
    inlines = (FallbackInline,)
    change_form_template = "admin/agents/agent/change_form.html"
    list_display = (
        "name",
        "slug",
        "model_or_default",
        "asked_at",
        "dialect",
        "enabled",
        "is_default",
        "updated_at",
    )
    list_select_related = ("provider",)
    list_filter = ("enabled",)
    search_fields = ("name", "slug", "description")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "enabled", "is_default")}),
        (lazy("What it is told"), {"fields": ("prompt",)}),
        (
            lazy("Which model speaks"),
            {
                "fields": ("provider", "model", "profile", "vision"),
                "description": lazy(
                    "Addresses and keys are with the providers. At the end of this page is who stands in when this "
                    "model is busy beyond the retries, cannot be reached, fails or has no quota left."
                ),
            },
        ),
        (
            lazy("What it costs"),
            {
                "fields": ("price_input", "price_cached", "price_output"),
                "description": lazy("Empty: what the provider’s page says of the model."),
            },
        ),
        (lazy("What it may use"), {"fields": ("tools", "approval_tools", "ask_effectful", "fetch_hosts")}),
        (
            lazy("When it stops"),
            {
                "fields": (
                    "max_steps",
                    "max_seconds",
                    "max_tokens",
                    "parallel_calls",
                    "result_chars",
                    "window_tokens",
                    "compaction",
                ),
                "description": lazy("A limit ends a run with a message in the chat; nothing is lost."),
            },
        ),
        (lazy("Calls in doubt"), {"fields": ("unattended",)}),
        (
            lazy("What it may set up by itself"),
            {
                "fields": ("max_schedules", "max_triggers", "least_interval_s"),
                "description": lazy(
                    "With its tools “schedules” and “triggers” (tick them above), for the person whose conversation it "
                    "is. What it sets up is theirs: they see schedules in the chat and may end them there; triggers "
                    "are under Triggers here, and in their API."
                ),
            },
        ),
        (lazy("History"), {"fields": ("created_at", "updated_at")}),
    )

    @admin.display(description=lazy("model"))
    def model_or_default(self, agent: Agent) -> str:
        return agent.model or _("(configured default)")

    @admin.display(description=lazy("provider"), ordering="provider")
    def asked_at(self, agent: Agent) -> str:
        provider = provider_of(agent)
        return provider.name if provider is not None else agent.base_url or _("Environment")

    @admin.display(description=lazy("provider’s rules"))
    def dialect(self, agent: Agent) -> str:
        title = profile_of(agent).title
        return title if agent.profile else _("%(profile)s (guessed)") % {"profile": title}

    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:
        """What was chosen here counts, also where a release before providers has written something else."""
        if "provider" in form.cleaned_data:
            obj.mirror()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The fallbacks are stored after the agent, and are to be found where such a release looks."""
        super().save_related(request, form, formsets, change)
        form.instance.mirror()
        form.instance.save()

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.try_view)
        return [path("<path:object_id>/try/", view, name="agents_agent_try"), *super().get_urls()]

    def try_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page on which its provider is tried."""
        agent = self.get_object(request, object_id)
        if agent is None:
            raise Http404
        return trial_page(self, request, agent)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        agent = kwargs.get("obj")
        context["model_names"] = model_names()
        if agent is not None and self.has_change_permission(request, agent):
            context["lab_label"] = _("Try its provider…")
            context["lab_address"] = reverse("admin:agents_agent_try", args=[agent.pk])
        if agent is not None and agent.base_url and not agent.address_is_mirrored:
            context["note"] = _(
                "An earlier release has given this agent the address %(address)s, which is used. The provider that you "
                "choose here takes its place."
            ) % {"address": agent.base_url}
        return super().render_change_form(request, context, *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        """The default agent stays: new conversations would have nobody to talk to."""
        return super().has_delete_permission(request, obj) and not (obj and obj.is_default)
