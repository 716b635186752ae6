"""What the agents keep in SQL: the agents themselves. Tools that keep something have tables in their own folders."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from agents import extensions
from agents.learned.models import LearnedRule
from agents.serving.models import AgentFallback, ModelProvider, ProviderModel
from agents.serving.resolve import speaker
from agents.serving.trials import ProviderTrial
from agents.serving.validation import between, validate_base_url, validate_hosts, validate_profile
from agents.spec import AgentSpec, Prices, RunLimits, Unattended
from agents.tools import Toolbox
from agents.tools.notes.models import Note

__all__ = [
    "Agent",
    "AgentFallback",
    "LearnedRule",
    "ModelProvider",
    "Note",
    "ProviderModel",
    "ProviderTrial",
    "default_tools",
    "ensure_default_agent",
    "installed_tools",
    "validate_base_url",
    "validate_profile",
]

DEFAULT_PROMPT = (
    "You are a helpful assistant. Answer in the language of the person who writes to you. "
    "Use the tools when they give a better answer than your memory, several at once when they do not depend "
    "on each other, and say plainly when a tool has failed."
)


#: `Agent.unattended`: what becomes of calls in doubt in a run of a schedule or a trigger (rule R4).
UNATTENDED = (
    ("wait", _("Wait until somebody decides, in the chat or in the admin")),
    ("tell", _("Tell the model that the outcome is unknown, and go on")),
    ("fail", _("End the run as failed")),
)


def installed_tools() -> Toolbox:
    """The tools of this installation: built in, of packages, of apps and of `settings.HOLDFAST_TOOL_MODULES`."""
    return extensions.toolbox()


def default_tools() -> list[str]:
    """The names that a new agent starts with: the tools that only read and ask to be there. What changes something
    is never given unasked."""
    return list(extensions.default_tools())


def validate_tools(value: Any) -> None:
    """Refuse anything but a list of names, each at most once. `Agent.clean` looks whether they are installed."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValidationError('Give a list of tool names, such as ["calculator", "current_time"].')
    if len(set(value)) != len(value):
        raise ValidationError("A tool is on the list twice. Name each tool once.")


class Agent(models.Model):
    """Whom people talk to: a prompt, a model of a provider, tools and limits.

    `base_url`, `fallback_model` and `fallback_base_url` are where releases before providers look, and may write;
    `mirrored` is what this one has last written there (agents/serving/resolve.py).
    """

    slug = models.SlugField(
        unique=True,
        help_text=_(
            "Short name in addresses and in the journal. Conversations refer to it: keep it once used."
        ),
    )
    name = models.CharField(max_length=100, help_text=_("The name that people see."))
    description = models.CharField(
        max_length=300, blank=True, help_text=_("One line under the name, where a person chooses an agent.")
    )
    prompt = models.TextField(
        blank=True,
        default=DEFAULT_PROMPT,
        help_text=_("The system prompt: who the agent is and how it should answer. Sent with every request."),
    )
    provider = models.ForeignKey(
        ModelProvider,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="agents",
        verbose_name=_("provider"),
        help_text=_("Who serves its model. Addresses and keys are with the provider."),
    )
    model = models.CharField(
        _("model"),
        max_length=200,
        blank=True,
        help_text=_("The model's name as its provider spells it. Empty: the environment's OPENAI_MODEL."),
    )
    base_url = models.CharField(
        "base address",
        max_length=300,
        blank=True,
        validators=[validate_base_url],
        help_text="An OpenAI-compatible address, like https://api.example.com/v1. Empty: the configured "
        "default. The key comes from the server's settings, never from here.",
    )
    profile = models.CharField(
        _("profile"),
        max_length=40,
        blank=True,
        validators=[validate_profile],
        help_text=_(
            "Which request rules are kept. Empty: the provider's, else guessed from the address and the model."
        ),
    )
    fallback_model = models.CharField(
        max_length=200,
        blank=True,
        help_text="Who is asked when the model above is busy beyond the retries, cannot be reached, fails, or has no "
        "quota left. Empty: nobody. A refused key or an unknown name is a mistake to mend and is not covered up.",
    )
    fallback_base_url = models.CharField(
        "fallback's base address",
        max_length=300,
        blank=True,
        validators=[validate_base_url],
        help_text="Empty: the same address as the model above.",
    )
    mirrored = models.JSONField(null=True, blank=True, editable=False)
    price_input = models.DecimalField(
        _("input price"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars per million input tokens. Empty: unknown, no cost is shown."),
    )
    price_output = models.DecimalField(
        _("output price"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars per million output tokens."),
    )
    price_cached = models.DecimalField(
        _("cached input price"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_(
            "US dollars per million input tokens that the provider had in its cache. Empty: as other input."
        ),
    )
    vision = models.BooleanField(
        _("sees pictures"),
        null=True,
        blank=True,
        help_text=_(
            "Whether attached pictures are sent to the model, or only named. Guessed: from the model's name."
        ),
    )
    tools = models.JSONField(
        blank=True,
        default=default_tools,
        validators=[validate_tools],
        help_text=_("What the agent may use. An effectful tool changes something outside the conversation."),
    )
    approval_tools = models.JSONField(
        _("ask a person before"),
        blank=True,
        default=list,
        validators=[validate_tools],
        help_text=_(
            "Calls of these tools wait until a person has seen their arguments and allows them. Choose among the "
            "tools above."
        ),
    )
    ask_effectful = models.BooleanField(
        _("ask before tools that change something"),
        default=False,
        db_default=False,
        help_text=_(
            "Calls of every effectful tool wait until a person has seen their arguments and allows them, whether it is "
            "ticked above or not. On for an agent that is made here, unless you turn it off."
        ),
    )
    fetch_hosts = models.TextField(
        _("hosts it may read unasked"),
        blank=True,
        default="",
        db_default="",
        validators=[validate_hosts],
        help_text=_(
            "One host a line, such as en.wikipedia.org, or *.example.com for all below it. A person is asked before a "
            "page is read whose address the model has put together itself: words of the conversation could be in it. "
            "Not so for these hosts. * means any host: then whatever the agent knows can be sent anywhere."
        ),
    )
    enabled = models.BooleanField(
        default=True,
        help_text=_("Off: nobody can start a conversation with it."),
    )
    is_default = models.BooleanField(
        _("default"),
        default=False,
        help_text=_("New conversations start with this agent. There is one default at most."),
    )
    max_steps = models.PositiveIntegerField(
        _("steps per run"),
        default=20,
        validators=between(1, 500),
        help_text=_("Model responses before a run ends with a message."),
    )
    max_seconds = models.PositiveIntegerField(
        _("seconds per run"),
        default=600,
        validators=between(5, 86_400),
        help_text=_("Wall-clock time before a run ends with a message. Waiting for a person does not count."),
    )
    max_tokens = models.PositiveIntegerField(
        _("tokens per run"),
        null=True,
        blank=True,
        validators=between(1_000, 100_000_000),
        help_text=_("Input and output of all steps together. Empty: no limit."),
    )
    parallel_calls = models.PositiveIntegerField(
        default=4, validators=between(1, 32), help_text=_("Tool calls of one step that run at the same time.")
    )
    result_chars = models.PositiveIntegerField(
        _("characters per tool result"),
        default=32_000,
        validators=between(500, 400_000),
        help_text=_("What is beyond this is cut, and the model is told how much is missing."),
    )
    window_tokens = models.PositiveIntegerField(
        _("tokens of history"),
        default=60_000,
        validators=between(2_000, 4_000_000),
        help_text=_("History that one request may carry. Keep it well below the model's own context window."),
    )
    compaction = models.BooleanField(
        _("summarise old history"),
        default=True,
        help_text=_(
            "When the history outgrows its tokens, the model summarises the older part for itself. People keep "
            "seeing everything. Off: the oldest steps are left out instead."
        ),
    )
    unattended = models.CharField(
        _("when nobody watches"),
        max_length=8,
        choices=UNATTENDED,
        default="wait",
        help_text=_(
            "A worker may die while a tool that changes something runs: then nobody knows whether it happened. "
            "Where a person asked, that person is asked. This is for runs that a schedule or a trigger began."
        ),
    )
    max_schedules = models.PositiveIntegerField(
        _("own schedules"),
        default=0,
        validators=[MaxValueValidator(1_000, _("Choose 1,000 or less."))],
        help_text=_(
            "How many schedules it may have set up for one person at a time, by its tool. 0: none. They run "
            "without anybody asking, and cost what runs cost."
        ),
    )
    max_triggers = models.PositiveIntegerField(
        _("own triggers"),
        default=0,
        validators=[MaxValueValidator(1_000, _("Choose 1,000 or less."))],
        help_text=_("The same for triggers."),
    )
    least_interval_s = models.PositiveIntegerField(
        _("shortest interval"),
        default=900,
        validators=between(60, 31 * 86_400),
        help_text=_(
            "Seconds between two times of its own schedules, and between two looks of its own triggers, at "
            "least."
        ),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering: ClassVar = ["-is_default", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="agents_one_default_agent"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse combinations that would leave people without an agent or a run without room."""
        super().clean()
        self._check_tools()
        if (self.price_input is None) != (self.price_output is None):
            raise ValidationError(_("Give both prices, for input and for output, or neither."))
        if self.fallback_base_url and not self.fallback_model:
            raise ValidationError({"fallback_model": "Name the model at the fallback's address."})
        if beyond := _beyond(self.approval_tools, self.tools):
            raise ValidationError(
                {
                    "approval_tools": _(
                        "The agent may not use %(names)s. Tick it among its tools, or untick it here."
                    )
                    % {"names": ", ".join(beyond)}
                }
            )
        if self.is_default and not self.enabled:
            raise ValidationError(
                {"enabled": _("The default agent must be enabled. Make another one the default first.")}
            )

    def validate_constraints(self, exclude: Any = None) -> None:
        """As Django's own, but without the one-default rule: `save` takes the mark off the other agent."""
        super().validate_constraints(exclude={*(exclude or ()), "is_default"})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the agent. If it is the default now, the former default no longer is, in one transaction. Releases
        before providers are told who speaks, unless one of them has said otherwise since."""
        with transaction.atomic():
            if self.is_default:
                Agent.objects.filter(is_default=True).exclude(pk=self.pk).update(is_default=False)
            chosen = self._state.adding and (self.provider is not None or not self.base_url)
            if chosen or (self.address_is_mirrored and self.fallback_is_mirrored):
                self.mirror()
            super().save(*args, **kwargs)

    @property
    def address_is_mirrored(self) -> bool:
        """Whether the provider counts: the address beside it is what was last written for it."""
        written = self.mirrored or []
        return written[:1] == [self.base_url]

    @property
    def fallback_is_mirrored(self) -> bool:
        """The same of the models that stand in."""
        written = self.mirrored or []
        return written[1:] == [self.fallback_model, self.fallback_base_url]

    def mirror(self) -> None:
        """Write provider and first fallback where releases before providers look. To be saved by the caller."""
        of_row = self.provider is not None and not self.provider.follows_environment
        self.base_url = self.provider.address if self.provider is not None and of_row else ""
        first = (
            self.fallbacks.select_related("provider").order_by("position", "pk").first() if self.pk else None
        )
        if first is None:
            self.fallback_model = self.fallback_base_url = ""
        else:
            same = first.provider_id == self.provider_id or (
                first.provider.follows_environment and not of_row
            )
            self.fallback_model = first.model
            self.fallback_base_url = "" if same else first.provider.where
        self.mirrored = [self.base_url, self.fallback_model, self.fallback_base_url]

    def spec(self, *, profile: str | None = None) -> AgentSpec:
        """The agent as plain data; with `profile`, as if it named that one. Tools that are no longer installed are left
        out, and a profile that is not is guessed anew: a package that brought them may have been removed."""
        return AgentSpec(
            slug=self.slug,
            name=self.name,
            prompt=self.prompt,
            compaction=self.compaction,
            unattended=cast(Unattended, self.unattended),
            tools=tuple(name for name in self.tools if name in installed_tools().names and self._may(name)),
            approval_tools=self._asked_about(),
            fetch_hosts=tuple(self.fetch_hosts.lower().split()),
            limits=RunLimits(
                steps=self.max_steps,
                seconds=self.max_seconds,
                tokens=self.max_tokens,
                parallel=self.parallel_calls,
                result_chars=self.result_chars,
                window_tokens=self.window_tokens,
            ),
            **speaker(self, self.profile if profile is None else profile),
        )

    def _check_tools(self) -> None:
        """Refuse names of tools that are not installed, but for those that the stored row has already: a tool that
        went away (the demo's, with a real key) must not stand in the way of every other change."""
        known = installed_tools().names
        stored = Agent.objects.filter(pk=self.pk).first()
        for field in ("tools", "approval_tools"):
            value = getattr(self, field)
            kept = {*known, *(getattr(stored, field) if stored is not None else ())}
            if isinstance(value, list) and (unknown := [str(name) for name in value if name not in kept]):
                raise ValidationError(
                    {
                        field: f"There is no tool named {', '.join(unknown)}. Choose from: {', '.join(known)}. "
                        "A tool of your own must be in a module that the setting HOLDFAST_TOOL_MODULES names, or in an "
                        "installed package."
                    }
                )

    def _asked_about(self) -> tuple[str, ...]:
        """The tools whose calls wait for a person's yes."""
        listed, box = list(self.approval_tools), installed_tools()
        if self.ask_effectful:
            listed += [name for name in self.tools if box.effect(name) == "effectful" and name not in listed]
        return tuple(listed)

    def _may(self, tool: str) -> bool:
        """Whether a tool is of any use to this agent: what its limits forbid, its model is not told of."""
        limit = {"schedules": self.max_schedules, "triggers": self.max_triggers}.get(tool)
        return limit is None or limit > 0

    def prices(self) -> Prices | None:
        """What its model's tokens cost, if that was said here and not at the provider."""
        if self.price_input is None or self.price_output is None:
            return None
        return Prices(self.price_input, self.price_output, self.price_cached)


def _beyond(names: Any, tools: Any) -> list[str]:
    """The names that are not among the tools; none if either is not a list, which its own validator tells."""
    if not isinstance(names, list) or not isinstance(tools, list):
        return []
    return [str(name) for name in names if name not in tools]


def ensure_default_agent(also: Sequence[str] = ()) -> Agent:
    """The agent that new conversations start with; made if there is none. Safe to call at every start. A new one has
    the tools that new agents have, and those in `also`.

    An enabled agent that exists already is taken before a new one is made, and nothing of it is changed but
    the mark. Two processes that start at the same moment agree on one agent.
    """
    for _try in range(3):
        try:
            with transaction.atomic():
                agent = (
                    Agent.objects.filter(is_default=True).first()
                    or Agent.objects.filter(enabled=True).order_by("pk").first()
                    or Agent(
                        slug=_free_slug(),
                        name="Assistant",
                        description="Talks, calculates and reads.",
                        tools=list(dict.fromkeys([*default_tools(), *also])),
                    )
                )
                if not agent.is_default:
                    agent.is_default = True
                    agent.save()
                return agent
        except IntegrityError:
            continue  # Another process made the default at the same moment: look again.
    return Agent.objects.get(is_default=True)


def _free_slug() -> str:
    """A slug that a disabled agent of the same name does not hold."""
    taken = set(Agent.objects.values_list("slug", flat=True))
    wanted = ("assistant", *(f"assistant-{number}" for number in range(2, len(taken) + 3)))
    return next(slug for slug in wanted if slug not in taken)
