"""The web process: HTTP to Django, the browser's socket to its consumer.

A WebSocket is refused (403) before anything else when its `Origin` is not one of ALLOWED_HOSTS: browsers send
cookies along with sockets that other sites open.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

# Sets Django up, which the imports below need.
http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from chat.http.flow import with_backpressure  # noqa: E402
from chat.entrances.web.routing import routes  # noqa: E402

application = with_backpressure(
    ProtocolTypeRouter(
        {
            "http": http,
            "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(routes))),
        }
    )
)
