"""Feishu chats as a destination for results from elsewhere: each goes into the outbox of a lane of its own.

An address is `<slug of the app>:<chat id>`. The lane has generation 0: it takes nothing in, and the conversations of
the chat (generations 1, 2, …) do not know of it. Pace and order per chat, retries, dead letters and sending again are
those of every other message; the uuid is made of the parcel's key, so delivering it again shows nothing twice.
"""

from typing import Any

from django.utils.translation import gettext

from chat.automation.destinations import Arrival, Offer, Parcel, Undeliverable
from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.models import FeishuApp, FeishuDelivery, FeishuLane, FeishuMessage, FeishuUser
from chat.messenger import outbox
from chat.messenger.adapter import made_id
from chat.messenger.lanes import get_lane

#: Chats that are offered to one person, newest first.
MOST = 30
#: Messages of one parcel that are asked about.
MAX_PARTS = 50


class FeishuChats:
    """The destination of kind `feishu`. People may choose chats in which they, as a linked person, have written;
    staff who may see lanes may choose any chat of a configured app."""

    kind = "feishu"

    @property
    def label(self) -> str:
        return gettext("Feishu chat")

    @property
    def example(self) -> str:
        return gettext("app:chat as in bot:oc_0123456789")

    def offers(self, user: Any) -> list[Offer]:
        people = FeishuUser.objects.filter(user=user, app__enabled=True).select_related("app")
        found: list[Offer] = []
        for person in people:
            rows = FeishuMessage.objects.filter(app=person.app, sender=person.open_id)
            for row in rows.order_by("-id")[: MOST * 10]:
                address = f"{person.app.slug}:{row.chat_id}"
                if all(offer.address != address for offer in found):
                    private = FEISHU.is_private(row)
                    where = gettext("private chat") if private else gettext("group")
                    if not private:
                        where += f" …{row.chat_id[-6:]}"
                    found.append(Offer("feishu", address, f"{FEISHU.label}: {person.app.name}, {where}"))
        return found[:MOST]

    def problem(self, user: Any, address: str) -> str:
        app, chat = _parts(address)
        if app is None:
            return gettext("Write the app's short name and the chat's id, like bot:oc_0123456789.")
        people = FeishuUser.objects.filter(user=user, app=app).values("open_id")
        if user.has_perm("feishu.view_feishulane"):
            return ""
        if FeishuMessage.objects.filter(app=app, chat_id=chat, sender__in=people).exists():
            return ""
        return gettext("Choose a Feishu chat in which you have written to the bot.")

    def deliver(self, parcel: Parcel) -> None:
        app, chat = _parts(parcel.address)
        if app is None:
            raise Undeliverable(gettext("The Feishu app is not there any more, or switched off."))
        lane, _made = get_lane(FEISHU, app.pk, chat, "", 0, {"owner": app.owner_id})
        outbox.put(FEISHU, lane, f"**{parcel.subject}**\n\n{parcel.text}", "parcel", parcel.key)

    def became(self, address: str, key: str) -> Arrival | None:
        """What became of the messages of a parcel in Feishu's own outbox."""
        app, chat = _parts(address)
        lane = None
        if app is not None:
            lane = FeishuLane.objects.filter(app=app, chat_id=chat, thread_id="", generation=0).first()
        if lane is None:
            return None
        uuids = [made_id(FEISHU, "delivery", lane.pk, "parcel", key, number) for number in range(MAX_PARTS)]
        rows = list(FeishuDelivery.objects.filter(uuid__in=uuids).values_list("state", "error"))
        if not rows:
            return None
        for state in ("dead", "pending"):
            for error in (error for found, error in rows if found == state):
                return Arrival(state, error)
        return Arrival("sent")


def _parts(address: str) -> tuple[FeishuApp | None, str]:
    slug, _, chat = address.partition(":")
    if not chat or len(chat) > 100 or not chat.replace("_", "").isalnum():
        return None, ""
    return FeishuApp.objects.filter(slug=slug, enabled=True).first(), chat
