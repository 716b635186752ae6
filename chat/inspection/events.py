"""The journal by seq, and the messages among it."""

from typing import Any, ClassVar, get_args

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_lazy as lazy

from agents import events
from chat.inspection import base
from chat.inspection.runs import PartAdmin, RunOwnerFilter, by_values
from chat.models import Event, Message

#: The types of all events, from their classes.
TYPES = tuple(kind.model_fields["type"].default for kind in get_args(get_args(events.AnyEvent)[0]))


@admin.register(Event)
class EventAdmin(PartAdmin):
    list_display = ("seq", "type", "version", "chat", "time", "tag", "command", "moment")
    list_display_links = ("seq", "type")
    list_filter = (by_values("type", TYPES), RunOwnerFilter)
    search_ids = ("conversation_id",)
    search_exact = ("type", "tag", "command")
    search_help_text = lazy("A conversation's id, a type of event, a tag or a command's id.")
    unlisted = ("text",)
    ordering = ("-id",)
    fields: ClassVar[Any] = ("seq", "type", "version", "chat", "time", "tag", "command", "moment", "json")

    @admin.display(description=_("state"))
    def moment(self, row: Event) -> SafeString:
        return base.link(str(_("As it was")), "chat_conversation_moment", row.conversation_id, row.seq)

    @admin.display(description=lazy("decided (UTC)"))
    def time(self, row: Event) -> str:
        return base.time(row.at)

    @admin.display(description=lazy("event"))
    def json(self, row: Event) -> SafeString:
        return base.pretty(row.text)


@admin.register(Message)
class MessageAdmin(PartAdmin):
    list_display = ("message", "kind", "chat", "time", "beginning")
    list_filter = (by_values("kind", ("message", "note", "notice", "agent")), RunOwnerFilter)
    search_ids = ("conversation_id",)
    search_exact = ("message",)
    search_text = ("body",)
    search_help_text = lazy("Words of the message, or a message's or conversation's id.")
    fields: ClassVar[Any] = ("message", "kind", "chat", "seq", "time", "item")

    @admin.display(description=lazy("at (UTC)"))
    def time(self, row: Message) -> str:
        return base.time(row.at)

    @admin.display(description=lazy("text"))
    def beginning(self, row: Message) -> str:
        text: str = row.body.get("text") or row.body.get("detail") or ""
        return text[:100]

    @admin.display(description=lazy("item"))
    def item(self, row: Message) -> SafeString:
        return base.pretty(row.body)
