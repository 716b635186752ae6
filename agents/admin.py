"""The agents in Django's admin: who they are, what they may use, when they stop."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from agents import extensions
from agents.learned.admin import LearnedRuleAdmin
from agents.models import Agent, default_tools, installed_tools
from agents.profiles import all_profiles, choose
from agents.providers.base import Profile
from agents.tools.notes.admin import NoteAdmin

__all__ = ["AgentAdmin", "LearnedRuleAdmin", "NoteAdmin"]

if TYPE_CHECKING:  # Django's own classes take no type argument when the program runs.
    _AgentForm = forms.ModelForm[Agent]
    _AgentAdmin = admin.ModelAdmin[Agent]
else:
    _AgentForm, _AgentAdmin = forms.ModelForm, admin.ModelAdmin

_GONE = "not installed here: its model is not told of it"
_EFFECTS = {"read_only": "only reads", "idempotent": "safe to repeat", "effectful": "changes something"}


class ToolsField(forms.TypedMultipleChoiceField):
    """Checkboxes for the installed tools; one that is not installed any more stays visible while the agent names it."""

    widget = forms.CheckboxSelectMultiple

    def prepare_value(self, value: Any) -> Any:
        return [str(name) for name in value] if isinstance(value, list | tuple) else value


class AgentForm(_AgentForm):
    """The agent's form: the model's own validation, and tools as checkboxes."""

    tools = ToolsField(required=False)
    approval_tools = ToolsField(required=False, label="Ask a person before")

    class Meta:
        model = Agent
        fields = "__all__"
        widgets: ClassVar = {
            "prompt": forms.Textarea(attrs={"rows": 12, "cols": 90}),
            "description": forms.TextInput(attrs={"size": 90}),
            "base_url": forms.TextInput(attrs={"size": 60, "placeholder": "https://api.example.com/v1"}),
            "fallback_base_url": forms.TextInput(attrs={"size": 60}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        box = installed_tools()
        sets = {tool.name: one.title for one in extensions.toolsets for tool in one.tools}
        short = [(name, _label(name, _EFFECTS[box.effect(name)], sets.get(name, ""))) for name in box.names]
        whole = [(name, f"{label}: {box.summary(name)}") for name, label in short]
        profiles = [(profile.name, profile.title) for profile in all_profiles().values()]
        guessed = f"Guessed from the address and the model: {profile_of(self.instance, guess=True).title}"
        self.fields["profile"].widget = forms.Select(choices=[("", guessed), *profiles])
        sees = forms.NullBooleanSelect()
        sees.choices = [("unknown", "Guessed"), ("true", "Yes"), ("false", "No")]
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


def _label(name: str, effect: str, toolset: str) -> str:
    return f"{name} ({effect}; {toolset})" if toolset else f"{name} ({effect})"


def profile_of(agent: Agent, *, guess: bool = False) -> Profile:
    """The profile that requests of this agent follow; with `guess`, the one it would have if it named none."""
    named = "" if guess or agent.profile not in all_profiles() else agent.profile
    address = agent.base_url or settings.OPENAI_BASE_URL
    return choose(named, address, agent.model or settings.OPENAI_MODEL)


@admin.register(Agent)
class AgentAdmin(_AgentAdmin):
    """Agents can be changed at any time; a run keeps the agent that it started with."""

    form = AgentForm
    list_display = ("name", "slug", "model_or_default", "dialect", "enabled", "is_default", "updated_at")
    list_filter = ("enabled",)
    search_fields = ("name", "slug", "description")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "enabled", "is_default")}),
        ("What it is told", {"fields": ("prompt",)}),
        (
            "Which model speaks",
            {
                "fields": ("model", "base_url", "profile", "vision"),
                "description": "Leave the first three empty to use the model that the server is configured with.",
            },
        ),
        ("Who stands in", {"fields": ("fallback_model", "fallback_base_url")}),
        ("What it costs", {"fields": ("price_input", "price_cached", "price_output")}),
        ("What it may use", {"fields": ("tools", "approval_tools")}),
        (
            "When it stops",
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
                "description": "A limit ends a run with a message in the chat; nothing is lost.",
            },
        ),
        ("Calls in doubt", {"fields": ("unattended",)}),
        (
            "What it may set up by itself",
            {
                "fields": ("max_schedules", "max_triggers", "least_interval_s"),
                "description": "With its tools “schedules” and “triggers” (tick them above), for the person whose "
                "conversation it is. What it sets up is theirs: they see schedules in the chat and may end them there; "
                "triggers are under Triggers here, and in their API.",
            },
        ),
        ("History", {"fields": ("created_at", "updated_at")}),
    )

    @admin.display(description="model")
    def model_or_default(self, agent: Agent) -> str:
        return agent.model or "(configured default)"

    @admin.display(description="provider's rules")
    def dialect(self, agent: Agent) -> str:
        title = profile_of(agent).title
        return title if agent.profile else f"{title} (guessed)"

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        """The default agent stays: new conversations would have nobody to talk to."""
        return super().has_delete_permission(request, obj) and not (obj and obj.is_default)
