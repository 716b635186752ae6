"""What was learned of models, in Django's admin: to be read, switched off, or forgotten."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as lazy

from agents.learned.models import LearnedRule
from agents.serving.learned import form_words

if TYPE_CHECKING:  # Django's own classes take no type argument when the program runs.
    _LearnedRuleAdmin = admin.ModelAdmin[LearnedRule]
else:
    _LearnedRuleAdmin = admin.ModelAdmin


@admin.register(LearnedRule)
class LearnedRuleAdmin(_LearnedRuleAdmin):
    """Workers write these. To delete one is to have it found out again."""

    list_display = ("model", "address", "asked", "kind", "words", "learned", "enabled")
    list_filter = ("enabled", "kind")
    search_fields = ("model", "address", "reason")
    fields = ("model", "address", "asked", "kind", "status", "reason", "learned", "enabled")
    readonly_fields: ClassVar = ("model", "address", "asked", "kind", "status", "reason", "learned")

    @admin.display(description=lazy("is asked"))
    def asked(self, rule: LearnedRule) -> str:
        return form_words(rule.request_form)

    @admin.display(description=lazy("because"))
    def words(self, rule: LearnedRule) -> str:
        return rule.reason[:100]

    @admin.display(description=lazy("since (UTC)"), ordering="learned_at")
    def learned(self, rule: LearnedRule) -> str:
        return datetime.fromtimestamp(rule.learned_at / 1000, UTC).strftime("%Y-%m-%d %H:%M")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes one by hand: a profile is how a person says what a provider takes."""
        return False
