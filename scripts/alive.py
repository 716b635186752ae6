"""The health check of a container: exits 0 when the process answers on its own port.

`python -m scripts.alive` asks web's /healthz; `python -m scripts.alive demo` asks the demo model.
"""

from __future__ import annotations

import http.client
import sys
from typing import Any

from scripts.processes import demo_settings


def answers(settings: Any, name: str) -> bool:
    """Whether web (status 200) or the demo model (any answer below 500) is there within 4 s."""
    web = name == "web"
    port = settings.HOLDFAST_PORT if web else settings.HOLDFAST_DEMO_PORT
    path = "/healthz" if web else "/v1/models"
    # Django answers only to names that it knows; the name of this machine is usually not one of them.
    known = settings.ALLOWED_HOSTS if web else []
    host = next((name.lstrip(".") for name in known if name != "*"), "localhost")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", path, headers={"Host": host})
        status = connection.getresponse().status
    except OSError:
        return False
    finally:
        connection.close()
    return status == 200 if web else status < 500


def main(arguments: list[str]) -> int:
    """0 when the named process answers, otherwise 1."""
    if arguments == ["demo"]:
        return 0 if answers(demo_settings(), "demo") else 1
    from config import settings

    return 0 if answers(settings, arguments[0] if arguments else "web") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
