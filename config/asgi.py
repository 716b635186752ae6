"""The web process: HTTP to Django, WebSockets to the entrances that take them.

A WebSocket is refused (403) before anything else when its `Origin` is not this site's: browsers send cookies along with
sockets that other sites open.
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

from chat.support.arenas import few_arenas

few_arenas()
# Sets Django up, which the imports below need.
http = get_asgi_application()

from typing import Any  # noqa: E402

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import get_resolver, re_path  # noqa: E402

from chat import extensions  # noqa: E402
from chat.http.borders import guard_server, guarded, own_origin  # noqa: E402
from chat.http.flow import with_backpressure  # noqa: E402
from chat.http.headers import with_headers  # noqa: E402
from chat.http.lifespan import lifespan  # noqa: E402
from chat.http.mount import mounted  # noqa: E402
from chat.start import refuse_unfit  # noqa: E402
from chat.support.garbage import keep_what_is_there  # noqa: E402
from chat.support.tasks import exit_after  # noqa: E402
from chat.telemetry import start as telemetry  # noqa: E402
from config.measured import measured  # noqa: E402

#: Seconds beyond those for goodbyes after which a server that was told to end has ended.
END_S = 5.0

refuse_unfit()


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Refuse (403). Channels would raise instead, and so let anybody fill the log with tracebacks."""
    await receive()
    await send({"type": "websocket.close"})


# Daphne waits at its end for applications and threads, which may wait for a store that does not answer. Sockets say
# goodbye in that time (chat/entrances/web/leaving.py); a server that has none leaves just so.
if (reactor := sys.modules.get("twisted.internet.reactor")) is not None:
    reactor.addSystemEventTrigger("before", "shutdown", exit_after, settings.HOLDFAST_DRAIN_MS / 1000 + END_S)

guard_server()
telemetry.begin("web")

# Typed for views; Channels puts applications there.
nowhere_view: Any = nowhere

application = mounted(
    with_backpressure(
        with_headers(
            measured(
                guarded(
                    ProtocolTypeRouter(
                        {
                            "http": http,
                            "lifespan": lifespan,
                            "websocket": own_origin(
                                URLRouter([*extensions.sockets(), re_path("", nowhere_view)])
                            ),
                        }
                    )
                )
            )
        )
    ),
    settings.HOLDFAST_PATH,
)

# All pages, which Django would load while the first person waits for theirs.
get_resolver().url_patterns  # noqa: B018
keep_what_is_there()
