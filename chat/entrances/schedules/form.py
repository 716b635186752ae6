"""The admin's form of a schedule: a draft with its owner, checked as the API checks it."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as lazy

from agents.models import Agent
from chat.automation import destinations
from chat.commands import MAX_TEXT
from chat.entrances.schedules.decide import MAX_MOST
from chat.entrances.schedules.models import Schedule
from chat.entrances.schedules.plan import is_zone, shown
from chat.entrances.schedules.validation import DeliveryChoice, Draft, check
from chat.inspection.operating import NOT_FOR_OTHERS, Operator
from chat.support.clock import wall_ms
from chat.support.durations import SECOND

#: Where a problem of a draft is shown in the form.
FIELDS = {"at": "at_text", "ends_at": "ends_text", "delivery": "deliver_address"}
WRITTEN = lazy(
    "Like 2026-11-26T09:00, by the clock of the time zone, or with an offset: 2026-11-26T09:00+01:00."
)


class ScheduleForm(forms.ModelForm):
    """A draft, and the owner. Fields that a kind does not use are passed over."""

    #: Who fills it in; set by the admin.
    by: Any = None
    prompt = forms.CharField(
        max_length=MAX_TEXT, widget=forms.Textarea, help_text=lazy("What the agent is told each time.")
    )
    agent = forms.ChoiceField(required=False)
    most = forms.IntegerField(
        label=lazy("At most"),
        min_value=1,
        max_value=MAX_MOST,
        initial=10,
        help_text=lazy("Where all missed runs are made up for: the newest so many."),
    )
    every_s = forms.IntegerField(
        label=lazy("Every (seconds)"),
        required=False,
        min_value=0,
        max_value=10**9,
        help_text=lazy("Of an interval; by elapsed time."),
    )
    at_text = forms.CharField(
        label=lazy("At"),
        required=False,
        max_length=40,
        help_text=format_lazy("{} {}", lazy("Of “once”, or the first time of an interval."), WRITTEN),
    )
    ends_text = forms.CharField(
        label=lazy("Ends at"),
        required=False,
        max_length=40,
        help_text=format_lazy("{} {}", lazy("Nothing is due after this."), WRITTEN),
    )
    deliver_kind = forms.ChoiceField(label=lazy("Deliver results to"), required=False)

    class Meta:
        model = Schedule
        fields = (
            *("owner", "name", "prompt", "agent", "kind", "cron", "zone"),
            *("missed", "most", "place", "conversation", "deliver_kind", "deliver_address"),
        )
        help_texts: ClassVar = {
            "name": lazy("Empty: made from the prompt."),
            "cron": lazy("Minute, hour, day of month, month, day of week, like 0 9 * * MON-FRI."),
            "zone": lazy("Of the IANA list, like Europe/Berlin or Asia/Shanghai."),
            "conversation": lazy(
                "Id of the owner's conversation to go to each time; empty: one of its own is made."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "owner" not in self.fields:
            return  # for who may only look there is nothing to fill in
        slugs = [(agent.slug, agent.name) for agent in Agent.objects.filter(enabled=True)]
        row = self.instance
        if row.agent and row.agent not in dict(slugs):
            slugs.append((row.agent, gettext("%(agent)s (switched off)") % {"agent": row.agent}))
        self.fields["agent"].choices = [("", gettext("the default agent")), *slugs]  # type: ignore[attr-defined]
        kinds = destinations.kinds()
        choices = [
            ("", gettext("nobody: they are in the conversation")),
            *((one.kind, one.label) for one in kinds),
        ]
        if row.deliver_kind and row.deliver_kind not in dict(choices):
            choices.append(
                (row.deliver_kind, gettext("%(name)s (not there any more)") % {"name": row.deliver_kind})
            )
        self.fields["deliver_kind"].choices = choices  # type: ignore[attr-defined]
        examples = "; ".join(f"{one.label}: {one.example}" for one in kinds)
        self.fields["deliver_address"].help_text = f"{examples}."
        self.fields["name"].required = False
        if not row._state.adding:
            zone = row.zone if is_zone(row.zone) else "UTC"
            self.initial.update(
                {
                    "every_s": row.every_ms // SECOND or None,
                    "at_text": _written(row.at or None, zone),
                    "ends_text": _written(row.ends_at, zone),
                }
            )
            self.fields["owner"].disabled = True

    def clean_owner(self) -> Any:
        owner = self.cleaned_data["owner"]
        if not Operator(self.by).acts_for(owner.pk):
            raise ValidationError(NOT_FOR_OTHERS)
        return owner

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        kind = cleaned["deliver_kind"]
        draft = Draft(
            **{name: cleaned[name] for name in ("name", "prompt", "agent", "kind", "cron", "zone")},
            **{name: cleaned[name] for name in ("missed", "most", "place", "conversation")},
            every_s=cleaned["every_s"] or 0,
            at=cleaned["at_text"] or None,
            ends_at=cleaned["ends_text"] or None,
            delivery=DeliveryChoice(kind=kind, address=cleaned["deliver_address"]) if kind else None,
        )
        adding = self.instance._state.adding
        stored = None if adding else Schedule.objects.get(pk=self.instance.pk)
        self.draft = draft
        self.checked, found = check(cleaned["owner"], draft, wall_ms(), old=stored, by=self.by)
        for field, problem in found.items():
            name = FIELDS.get(field, field)
            self.add_error(name if name in self.fields else None, problem.detail)
        return cleaned

    def _post_clean(self) -> None:
        """The row comes from the check, not from the fields."""

    def save(self, commit: bool = True) -> Schedule:
        self.instance = self.checked
        if commit:
            self.instance.save()
        return self.instance

    def save_m2m(self) -> None:
        """There is none."""


def _written(moment: int | None, zone: str) -> str:
    return shown(moment, zone).replace(" ", "T", 1).replace(" ", "") if moment is not None else ""
