"""What the fields of our tables are called on the admin's pages.

Django calls a field what its name says in English. A name in the model would be part of its migrations, and a hundred
of these say nothing new: so the site gives the fields of what is registered with it the same names, to be translated.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

#: By the name that a field has by itself.
NAMES: dict[str, Any] = {
    "address": _("address"),
    "agent": _("agent"),
    "anchor": _("anchor"),
    "app": _("app"),
    "aside": pgettext_lazy("of a row", "aside"),
    "app id": "App ID",
    "attempt": _("attempt"),
    "attempts": _("attempts"),
    "by": pgettext_lazy("of a row", "by"),
    "call": _("call"),
    "cause": _("cause"),
    "chat id": _("chat id"),
    "claimed by": _("claimed by"),
    "code": _("code"),
    "command": _("command"),
    "conversation": _("conversation"),
    "created at": _("created at"),
    "cron": _("cron"),
    "deleted at": _("deleted at"),
    "delivery header": _("delivery header"),
    "after agent": _("after agent"),
    "after schedule": _("after schedule"),
    "after trigger": _("after trigger"),
    "detail": _("detail"),
    "digest": _("digest"),
    "effect": _("effect"),
    "enabled": _("enabled"),
    "entrance": _("entrance"),
    "error": _("error"),
    "fence": _("fence"),
    "fires": _("fires"),
    "firing": _("firing"),
    "generation": _("generation"),
    "head seq": _("head seq"),
    "head tag": _("head tag"),
    "hint": _("hint"),
    "key": pgettext_lazy("of a row", "key"),
    "kind": _("kind"),
    "lane": _("lane"),
    "manual": _("manual"),
    "message": _("message"),
    "message id": _("message id"),
    "model": _("model"),
    "name": _("name"),
    "number": _("number"),
    "open": pgettext_lazy("of a step", "open"),
    "open id": "Open ID",
    "ordinal": _("ordinal"),
    "outcome": _("outcome"),
    "owner": _("owner"),
    "paused": _("paused"),
    "per minute": _("per minute"),
    "person": _("person"),
    "place": _("place"),
    "profile": _("profile"),
    "prompt": _("prompt"),
    "provider id": _("provider id"),
    "queue": _("queue"),
    "reason": _("reason"),
    "reply to": _("reply to"),
    "revoked by": _("revoked by"),
    "run": _("run"),
    "run status": _("run status"),
    "sender": _("sender"),
    "seq": _("seq"),
    "signature header": _("signature header"),
    "size": _("size"),
    "slug": _("slug"),
    "state": _("state"),
    "status": _("status"),
    "step": _("step"),
    "stopping": _("stopping"),
    "subject": _("subject"),
    "tag": _("tag"),
    "test": _("test"),
    "text": _("text"),
    "thread id": _("thread id"),
    "title": _("title"),
    "tries": _("tries"),
    "type": _("type"),
    "updated at": _("updated at"),
    "user": _("user"),
    "uuid": "UUID",
    "version": _("version"),
    "worker": _("worker"),
}


def name_fields(models: Iterable[type[Model]]) -> None:
    """Give the fields of these models that have no name but their own, one that is translated; a field that is called
    like what it points to, the name of that."""
    for model in models:
        for field in model._meta.concrete_fields:
            name = field.name.replace("_", " ")
            if field.verbose_name != name:
                continue
            target = field.related_model
            if isinstance(target, type) and target._meta.model_name == name:
                field.verbose_name = target._meta.verbose_name or name
            elif name in NAMES:
                field.verbose_name = NAMES[name]
