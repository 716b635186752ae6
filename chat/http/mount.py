"""Holdfast below a path of its host (HOLDFAST_PATH), whether the proxy before it strips that path or not."""

from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]


def mounted(application: Application, prefix: str) -> Application:
    """An application whose addresses all begin with `prefix` ('/chat'; '': nothing is changed), as people see them.

    Django is told the whole path and takes the prefix off by itself, so that what it redirects to has it. Sockets are
    routed without it. No address of ours begins like a prefix (config/values.py), so a path that does came whole.
    """
    if not prefix:
        return application

    async def mount(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            path = scope["path"]
            if path == prefix or path.startswith(f"{prefix}/"):
                path = path.removeprefix(prefix) or "/"
            scope = {**scope, "path": f"{prefix}{path}" if scope["type"] == "http" else path, "root_path": ""}
        await application(scope, receive, send)

    return mount
