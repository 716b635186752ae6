"""The webhook as the core knows it."""

from chat.extensions import Entrance, Service
from chat.messenger.people import Chats
from holdfast_example.webhook.adapter import WEBHOOK
from holdfast_example.webhook.service import serve

ENTRANCE = Entrance(
    name="chat_webhook",
    label="a chat webhook",
    urls="holdfast_example.webhook.urls",
    services=(Service("chat_webhook", serve),),
    chats=Chats(WEBHOOK),
)
