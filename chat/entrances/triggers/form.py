"""The admin's form of a trigger, checked as the API checks it."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as lazy

from chat.entrances.triggers import addresses, editing
from chat.entrances.triggers.models import OUTCOMES, Trigger
from chat.inspection.operating import NOT_FOR_OTHERS, Operator
from chat.support.durations import END_OF_TIME


class TriggerForm(forms.ModelForm):
    """The secret is empty, whatever is stored; left empty it keeps what is stored. The owner is who fills it in, or
    somebody for whom they may act."""

    #: Who fills it in; set by the admin.
    by: Any = None
    watched = forms.CharField(
        label=lazy("Conversations"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text=lazy("Ids of the owner's conversations to listen to, one a line. Empty: all of them."),
    )
    outcomes = forms.MultipleChoiceField(
        label=lazy("Runs that have"),
        required=False,
        choices=OUTCOMES,
        widget=forms.CheckboxSelectMultiple,
        help_text=lazy("None: those that have finished."),
    )
    expires = forms.SplitDateTimeField(
        label=lazy("Until (UTC)"),
        required=False,
        widget=AdminSplitDateTime,
        help_text=lazy("Nothing fires from then on."),
    )
    unsigned = forms.BooleanField(
        label=lazy("Take unsigned deliveries"), required=False, help_text=lazy("Forgets the signing secret.")
    )

    class Meta:
        model = Trigger
        fields = ("owner", *(name for name in editing.FIELDS if name != "expires_at"))
        widgets = {
            "prompt": forms.Textarea(attrs={"rows": 8, "cols": 90}),
            "secret": forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            "url": forms.TextInput(attrs={"size": 90, "placeholder": "https://example.com/status.json"}),
            "pattern": forms.TextInput(attrs={"size": 60}),
            "path": forms.TextInput(attrs={"size": 60}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        self.initial["watched"] = "\n".join(row.watched)
        self.initial["outcomes"] = row.outcomes
        if row.expires_at is not None:
            self.initial["expires"] = datetime.fromtimestamp(min(row.expires_at, END_OF_TIME) / 1000, UTC)
        if row.signed and "secret" in self.fields:
            self.fields["secret"].help_text = " ".join(
                (str(self.fields["secret"].help_text), gettext("It is set: leave this empty to keep it."))
            )

    def clean_watched(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["watched"].splitlines() if line.strip()]

    def clean_owner(self) -> Any:
        owner = self.cleaned_data["owner"]
        if not Operator(self.by).acts_for(owner.pk):
            raise ValidationError(NOT_FOR_OTHERS)
        return owner

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        row = self.instance
        if cleaned.get("secret"):
            row.signed = True
        elif cleaned.get("unsigned"):
            row.signed, row.secret, cleaned["secret"] = False, "", ""
        elif "secret" in cleaned:
            cleaned["secret"] = row.secret
        url = cleaned.get("url", "")
        if cleaned.get("kind") == "poll" and url and (why := addresses.refusal(url)):
            self.add_error("url", why)
        until = cleaned.get("expires")
        # Calendars end at the years 1 and 9999, and time zones may carry a time beyond them.
        row.expires_at = None
        if until is not None and not 1970 <= until.year < 2201:
            self.add_error("expires", gettext("Choose a time before the year 2200."))
        elif until is not None:
            row.expires_at = int(until.timestamp() * 1000)
        return cleaned
