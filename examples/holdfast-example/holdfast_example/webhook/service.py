"""What each worker runs for the webhook: the messenger's service, with this adapter."""

from chat.extensions import ServiceContext
from chat.messenger.service import MessengerService
from holdfast_example.webhook.adapter import WEBHOOK


async def serve(given: ServiceContext) -> None:
    """Until it is cancelled."""
    await MessengerService(WEBHOOK, given.sessions, given.enqueue, worker=given.worker).run()
