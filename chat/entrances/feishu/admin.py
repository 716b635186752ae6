"""Feishu in the admin: apps (secrets are written, never shown), people, what came in, and the outbox."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat.entrances.feishu.models import FeishuApp, FeishuDelivery, FeishuLane, FeishuMessage, FeishuUser
from chat.inspection import base
from chat.inspection.asking import asks
from chat.inspection.operating import NOT_FOR_OTHERS, Operator
from chat.inspection.picking import PicksOthers
from chat.messenger.models import SET_ASIDE

#: Messages that were set aside.
ASIDE = {"state": "refused", "reason__startswith": SET_ASIDE}
SECRETS = ("secret", "encrypt_key", "verification_token")


class AppForm(forms.ModelForm):
    """Secret fields are empty, whatever is stored; left empty they keep what is stored."""

    class Meta:
        model = FeishuApp
        exclude = ()
        widgets = {name: forms.PasswordInput(attrs={"autocomplete": "new-password"}) for name in SECRETS}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whoever may only look has no such fields, and is shown none of these texts (get_exclude).
        for name in self.fields.keys() & set(SECRETS):
            if getattr(self.instance, name):
                self.fields[name].required = False
                self.fields[name].help_text = f"{self.fields[name].help_text} " + gettext(
                    "It is set: leave this empty to keep it."
                )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        moved = "base_url" in self.changed_data and not self.instance._state.adding
        if moved and not cleaned.get("secret") and "secret" not in self.errors:
            self.add_error(
                "secret",
                _(
                    "The address has changed, and the App Secret would be sent to the new one. Enter the secret again, "
                    "if it is meant for that address."
                ),
            )
        self.instance.secret_was_entered = bool(cleaned.get("secret"))
        for name in SECRETS:
            if not cleaned.get(name) and name not in self.errors:
                cleaned[name] = getattr(self.instance, name)
        if {"app_id", "base_url"} & set(self.changed_data):
            self.instance.bot_open_id = ""  # another app's bot has another id; it is asked for again
        return cleaned


@admin.register(FeishuApp)
class FeishuAppAdmin(PicksOthers, base.SecretAdmin):
    form = AppForm
    secrets = SECRETS
    list_display = ("name", "slug", "app_id", "base_url", "agent", "enabled")
    prepopulated_fields: ClassVar[Any] = {"slug": ("name",)}
    readonly_fields = ("webhook",)
    autocomplete_fields: ClassVar[Any] = ("owner",)

    @admin.display(description=_("request address"))
    def webhook(self, row: FeishuApp) -> str:
        """What to enter in the console, on this host."""
        path = reverse("feishu_events", args=[row.slug]) if row.slug else gettext("(save first)")
        return f"{path}  ({gettext('with https:// and this server’s public name in front')})"


class PersonForm(forms.ModelForm):
    """Whoever is linked to a user acts as that user: so linking is for who may act for them."""

    #: Who fills it in; set by the admin.
    by: Any = None

    def clean_user(self) -> Any:
        user = self.cleaned_data["user"]
        new = user is not None and user.pk != self.initial.get("user")
        if new and not Operator(self.by).acts_for(user.pk):
            raise ValidationError(NOT_FOR_OTHERS)
        return user


@admin.register(FeishuUser)
class FeishuUserAdmin(PicksOthers, admin.ModelAdmin):
    form = PersonForm

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type("Form", (form,), {"by": request.user})

    list_display = ("__str__", "open_id", "app", "user")
    list_filter = ("app",)
    search_fields = ("open_id", "name")
    autocomplete_fields: ClassVar[Any] = ("user",)
    list_select_related = ("app", "user")


class SetAsideFilter(admin.SimpleListFilter):
    """What raised too often to be tried again (chat/messenger/intake.py)."""

    title = _("set aside")
    parameter_name = "aside"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("set aside"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(**ASIDE) if self.value() else queryset


@admin.register(FeishuMessage)
class FeishuMessageAdmin(base.ReadOnlyAdmin):
    list_display = ("message_id", "app", "chat_id", "sender", "state", "reason", "received", "answered")
    list_filter = ("state", SetAsideFilter, "app")
    list_select_related = ("app",)
    ordering = ("-id",)
    actions = ("take_again",)
    search_exact = ("message_id", "chat_id", "sender", "run")
    unlisted = ("event",)
    fields: ClassVar[Any] = (
        *("message_id", "app", "chat_id", "thread_id", "sender", "state", "reason", "run"),
        *("received", "answered", "content"),
    )

    @admin.display(description=_("received (UTC)"))
    def received(self, row: FeishuMessage) -> str:
        return base.time(row.received_at)

    @admin.display(description=_("answered (UTC)"))
    def answered(self, row: FeishuMessage) -> str:
        return base.time(row.answered_at)

    @admin.display(description=_("event"))
    def content(self, row: FeishuMessage) -> str:
        return base.pretty(row.event)

    def has_take_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("feishu.change_feishumessage")

    @asks(
        _("Try again what was set aside"),
        "take_again",
        _("Try these again?"),
        _(
            "A worker takes those that were set aside once more, as if they had just come. Others are left alone."
        ),
        _("Try them again"),
    )
    def take_again(self, request: HttpRequest, queryset: "QuerySet[FeishuMessage]") -> list[FeishuMessage]:
        """Let a worker take these rows once more. Others are left alone."""
        some = [
            row
            for row in queryset.filter(**ASIDE)
            if queryset.filter(pk=row.pk, **ASIDE).update(state="received", reason="")
        ]
        told = ngettext("%(count)d will be tried again.", "%(count)d will be tried again.", len(some))
        messages.info(request, told % {"count": len(some)})
        return some


@admin.register(FeishuLane)
class FeishuLaneAdmin(base.ReadOnlyAdmin):
    list_display = ("__str__", "app", "owner", "chat", "claimed_by")
    list_select_related = ("app", "owner")
    ordering = ("-id",)
    search_ids = ("conversation",)
    search_exact = ("chat_id", "thread_id")
    fields: ClassVar[Any] = (
        *("app", "chat_id", "thread_id", "generation", "chat", "owner", "anchor"),
        *("head_seq", "claimed_by"),
    )

    @admin.display(description=_("conversation"))
    def chat(self, row: FeishuLane) -> str:
        return base.link(str(row.conversation), "chat_conversation_change", row.conversation)


@admin.register(FeishuDelivery)
class FeishuDeliveryAdmin(base.ReadOnlyAdmin):
    list_display = ("id", "lane", "state", "attempts", "error", "created", "sent")
    list_filter = ("state",)
    list_select_related = ("lane",)
    ordering = ("-id",)
    search_exact = ("uuid", "run", "message_id", "lane__chat_id")
    unlisted = ("content",)
    actions = ("resend",)
    fields: ClassVar[Any] = (
        *("lane", "uuid", "run", "reply_to", "kind", "state", "message_id", "attempts", "error"),
        *("created", "sent", "message"),
    )

    @admin.display(description=_("made (UTC)"))
    def created(self, row: FeishuDelivery) -> str:
        return base.time(row.created_at)

    @admin.display(description=_("sent (UTC)"))
    def sent(self, row: FeishuDelivery) -> str:
        return base.time(row.sent_at)

    @admin.display(description=_("content"))
    def message(self, row: FeishuDelivery) -> str:
        return base.pretty(row.content)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("feishu.change_feishudelivery")

    @asks(
        _("Send again what was given up"),
        "resend",
        _("Send these again?"),
        _(
            "What was given up goes to its chat once more, as it is. What was sent, or waits already, is left alone."
        ),
        _("Send them again"),
    )
    def resend(self, request: HttpRequest, queryset: "QuerySet[FeishuDelivery]") -> list[FeishuDelivery]:
        """Put dead letters back into the outbox. Those that are not dead are left alone."""
        anew: dict[str, Any] = {
            "state": "pending",
            "attempts": 0,
            "first_at": None,
            "next_at": 0,
            "error": "",
        }
        dead = queryset.filter(state="dead")
        some = [row for row in dead if dead.filter(pk=row.pk).update(**anew)]
        told = ngettext("%(count)d will be sent again.", "%(count)d will be sent again.", len(some))
        messages.info(request, told % {"count": len(some)})
        return some
