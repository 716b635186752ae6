"""Webhooks in the admin: the secret is shown once; what came in; the outbox, and its dead letters."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from holdfast_example.webhook.models import ChatDelivery, ChatMessage, ChatWebhook


@admin.register(ChatWebhook)
class ChatWebhookAdmin(admin.ModelAdmin):
    list_display = ("slug", "callback", "agent", "owner", "enabled")
    autocomplete_fields: ClassVar[Any] = ("owner",)
    actions = ("new_secret",)

    def get_exclude(self, request: HttpRequest, obj: ChatWebhook | None = None) -> tuple[str, ...]:
        return () if obj is None else ("secret",)

    @admin.action(description="Make a new secret and show it once", permissions=["change"])
    def new_secret(self, request: HttpRequest, queryset: "QuerySet[ChatWebhook]") -> None:
        """The old one is void at once."""
        for row in queryset:
            row.secret = ChatWebhook._meta.get_field("secret").get_default()
            row.save(update_fields=["secret"])
            messages.warning(request, f"The new secret of {row.slug}: {row.secret}")


class ReadOnly(admin.ModelAdmin):
    """People look; workers write."""

    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ChatMessage)
class ChatMessageAdmin(ReadOnly):
    list_display = ("message_id", "app", "chat_id", "sender", "state", "reason")
    list_filter = ("state", "app")
    list_select_related = ("app",)


@admin.register(ChatDelivery)
class ChatDeliveryAdmin(ReadOnly):
    list_display = ("uuid", "lane", "state", "attempts", "error")
    list_filter = ("state",)
    list_select_related = ("lane",)
    actions = ("resend",)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("example_webhook.change_chatdelivery")

    @admin.action(description="Send again what was given up", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: "QuerySet[ChatDelivery]") -> None:
        """Put dead letters back into the outbox. Others are left alone."""
        dead = queryset.filter(state="dead")
        count = dead.update(state="pending", attempts=0, first_at=None, next_at=0, error="")
        messages.info(request, f"{count} will be sent again.")
