"""The tables of providers. They belong to the app `agents`.

One row follows the environment: `OPENAI_BASE_URL`, `OPENAI_MODEL` and the keys there are read when they are needed, so
its address and key are never stored. An agent without a provider is that row's, too.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from agents.profiles import all_profiles
from agents.serving.keys import (
    PURPOSE,
    KeyState,
    canonical,
    environment_key,
    key_state,
    open_key,
    seal_key,
)
from agents.serving.listing import Listed
from agents.serving.sealing import SealedText
from agents.serving.validation import between, validate_base_url, validate_dialect, validate_profile
from agents.spec import Prices

#: Models that may stand in for one agent, one after the other (`MAX_ATTEMPTS` of a step must have room for all).
MAX_FALLBACKS = 3


class ModelProvider(models.Model):
    """Who serves models at one address, with one key. What the environment names is one of them."""

    name = models.CharField(
        _("name"),
        max_length=100,
        unique=True,
        help_text=_("How people know it, such as “OpenAI, team account”."),
    )
    address = models.CharField(
        _("base address"),
        max_length=300,
        blank=True,
        validators=[validate_base_url],
        help_text=_("Where its API is, like https://api.example.com/v1. Another address takes the key away."),
    )
    sealed_key = SealedText(blank=True, default="", editable=False, sealed_for=PURPOSE)
    dialect = models.CharField(
        _("dialect"),
        max_length=40,
        blank=True,
        validators=[validate_dialect],
        help_text=_("The API that it is asked by. Empty: as the profile says."),
    )
    profile = models.CharField(
        _("profile"),
        max_length=40,
        blank=True,
        validators=[validate_profile],
        help_text=_(
            "Which request rules are kept. Empty: guessed from the address and the model. An agent may name another."
        ),
    )
    #: The one row that has no address of its own.
    follows_environment = models.BooleanField(default=False, editable=False)
    #: What the server said it has: [{"name": …, "window": …}], and when, in milliseconds; and what was wrong.
    listed = models.JSONField(default=list, blank=True, editable=False)
    listed_at = models.BigIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        app_label = "agents"
        ordering: ClassVar = ["-follows_environment", "name"]
        verbose_name = _("provider")
        verbose_name_plural = _("providers")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["follows_environment"],
                condition=models.Q(follows_environment=True),
                name="agents_one_environment",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.where})"

    @property
    def where(self) -> str:
        """The address that is asked."""
        return str(settings.OPENAI_BASE_URL) if self.follows_environment else self.address

    @property
    def key(self) -> str:
        """The key that is sent: the one that is stored for this very address, else the environment's for its server.
        Empty: none."""
        return self.own_key or environment_key(self.where)

    @property
    def own_key(self) -> str:
        """The stored key, if it is for this address."""
        return "" if self.follows_environment else open_key(self.sealed_key, self.address)

    @property
    def key_state(self) -> KeyState:
        """How it stands with the stored key."""
        return "none" if self.follows_environment else key_state(self.sealed_key, self.address)

    def set_key(self, key: str) -> None:
        """Keep this key for the present address; an empty one takes away what is stored. To be saved by the caller."""
        self.sealed_key = seal_key(key, self.address)

    def clean(self) -> None:
        """Refuse a provider without an address, and a profile of another dialect."""
        super().clean()
        if not self.address and not self.follows_environment:
            raise ValidationError({"address": _("Write the whole address, like https://api.example.com/v1.")})
        profile = all_profiles().get(self.profile)
        if profile is not None and self.dialect and profile.dialect != self.dialect:
            raise ValidationError(
                {
                    "profile": _(
                        "This profile is of the dialect %(dialect)s. Choose that one, or leave the dialect empty."
                    )
                    % {"dialect": profile.dialect}
                }
            )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store it, and tell the agents that use it where it is: releases before providers read it there. A key of
        another address, and what was listed there, go."""
        if self.key_state == "other_address":
            self.sealed_key = ""
        with transaction.atomic():
            before = type(self)._base_manager.filter(pk=self.pk).first() if self.pk else None
            moved = before is not None and canonical(before.address) != canonical(self.address)
            if moved:
                self.listed, self.listed_at = [], None
            super().save(*args, **kwargs)
            if moved:
                for agent in {
                    *self.agents.all(),
                    *(one.agent for one in self.fallbacks.select_related("agent")),
                }:
                    agent.save()

    def keep_listed(self, found: Sequence[Listed], now: int) -> None:
        """Keep what the server has said it has, at `now` (milliseconds)."""
        self.listed, self.listed_at = [one.row() for one in found], now
        self.save(update_fields=["listed", "listed_at", "updated_at"])

    def figures(self, model: str) -> "ProviderModel | None":
        """What is known here of a model of this name."""
        return self.models.filter(name=model).first() if self.pk else None


class ProviderModel(models.Model):
    """What somebody has entered of one model of a provider. What is empty is told by the model's name, or unknown."""

    provider = models.ForeignKey(ModelProvider, models.CASCADE, related_name="models")
    name = models.CharField(_("model"), max_length=200, help_text=_("As the provider spells it."))
    context_window = models.PositiveIntegerField(
        _("context window"),
        null=True,
        blank=True,
        validators=between(1_000, 100_000_000),
        help_text=_("Tokens of request and answer together."),
    )
    vision = models.BooleanField(_("sees pictures"), null=True, blank=True)
    price_input = models.DecimalField(
        _("input price"), max_digits=12, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(0)],
        help_text=_("US dollars per million tokens."),
    )  # fmt: skip
    price_cached = models.DecimalField(
        _("cached input price"), max_digits=12, decimal_places=6, null=True, blank=True,
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    price_output = models.DecimalField(
        _("output price"), max_digits=12, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(0)]
    )  # fmt: skip

    class Meta:
        app_label = "agents"
        ordering: ClassVar = ["provider", "name"]
        verbose_name = _("model")
        verbose_name_plural = _("models: context windows and prices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "name"], name="agents_model_of_provider")
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Prices come as a pair."""
        super().clean()
        if (self.price_input is None) != (self.price_output is None):
            raise ValidationError(_("Give both prices, for input and for output, or neither."))

    def prices(self) -> Prices | None:
        """What tokens cost, if that is known."""
        if self.price_input is None or self.price_output is None:
            return None
        return Prices(self.price_input, self.price_output, self.price_cached)


class AgentFallback(models.Model):
    """A model that stands in for an agent's own; they are asked in the order of `position`."""

    #: Without a constraint: a release that does not know this table may delete the agent, and must not be refused.
    agent = models.ForeignKey("agents.Agent", models.CASCADE, related_name="fallbacks", db_constraint=False)
    position = models.PositiveSmallIntegerField(
        _("order"), default=1, validators=between(1, 99), help_text=_("The lowest is asked first.")
    )
    provider = models.ForeignKey(
        ModelProvider, models.PROTECT, related_name="fallbacks", verbose_name=_("provider")
    )
    model = models.CharField(_("model"), max_length=200, help_text=_("As the provider spells it."))

    class Meta:
        app_label = "agents"
        ordering: ClassVar = ["agent", "position", "pk"]
        verbose_name = _("fallback")
        verbose_name_plural = _("who stands in")

    def __str__(self) -> str:
        return self.model


def environment_provider(using: str | None = None) -> ModelProvider:
    """The row that follows the environment; made if there is none."""
    rows = ModelProvider.objects.using(using) if using else ModelProvider.objects
    found, _made = rows.get_or_create(follows_environment=True, defaults={"name": ENVIRONMENT})
    return found


#: The name of the row that follows the environment, as the migration has made it.
ENVIRONMENT = "Environment"
