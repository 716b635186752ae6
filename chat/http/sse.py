"""Server-sent events as we write them (the WHATWG's `text/event-stream`)."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.cache import add_never_cache_headers

CONTENT_TYPE = "text/event-stream"
#: A line that readers skip, and by which a reader that is gone is noticed.
KEEP_ALIVE = ": still here\n\n"


def event(data: str, *, name: str = "", id: str = "") -> str:
    """One event. `data` is JSON in one line: ours has no line breaks outside of its strings, where they are escaped."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: {data}\n\n" if name else f"{head}data: {data}\n\n"


class EventStream(StreamingHttpResponse):
    """Sends events as they come. When the reader leaves, they are closed at once; Django leaves that to the garbage
    collector when it was sending just then."""

    def __init__(self, events: AsyncGenerator[str, None], **options: Any) -> None:
        super().__init__(events, **options)
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._events) as events:
            async for one in events:
                yield one.encode()


def stream(events: AsyncGenerator[str, None]) -> StreamingHttpResponse:
    """The answer that sends these as they come. When the reader leaves, `events` is closed."""
    answer = EventStream(events, content_type=f"{CONTENT_TYPE}; charset=utf-8")
    # Proxies that buffer would keep what is meant for now.
    answer["X-Accel-Buffering"] = "no"
    add_never_cache_headers(answer)
    return answer
