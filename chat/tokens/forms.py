"""The form by which somebody makes a token."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat.tokens.scopes import SCOPE_NAMES
from chat.tokens.store import DAYS, MAX_NAME, MAX_PER_MINUTE, MIN_PER_MINUTE


def _days() -> list[tuple[int, str]]:
    return [(days, ngettext("in {n} day", "in {n} days", days).format(n=days)) for days in DAYS]


class TokenForm(forms.Form):
    """What a new token is to be."""

    name = forms.CharField(label=_("Name"), max_length=MAX_NAME)
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=lambda: list(SCOPE_NAMES.items()),
        widget=forms.CheckboxSelectMultiple,
        initial=["read", "write"],
        error_messages={"required": _("Choose what it is for.")},
    )
    days = forms.TypedChoiceField(label=_("It ends"), choices=_days, coerce=int, initial=90)
    per_minute = forms.IntegerField(
        label=_("Requests per minute"), min_value=MIN_PER_MINUTE, max_value=MAX_PER_MINUTE, initial=120
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
