"""The webhook as the core knows it."""

from chat.extensions import Entrance, Service
from holdfast_example.webhook.service import serve

ENTRANCE = Entrance(
    name="chat_webhook",
    label="a chat webhook",
    urls="holdfast_example.webhook.urls",
    services=(Service("chat_webhook", serve),),
)
