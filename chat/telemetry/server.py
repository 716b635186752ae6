"""A small HTTP server of its own for metrics, in a thread of the process whose metrics it tells.

    GET /metrics                this process: asks no store, so it answers while all of them are away
    GET /metrics/installation   what SQL knows; 503 while it does not answer

It is apart from the pages that people use: another port, on loopback unless an operator says otherwise, and off by
default. Several processes of a machine take the first free port of a range, one each. A thread tells its numbers also
while the event loop gives nobody a turn.
"""

import hmac
import logging
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from django.db import DatabaseError, InterfaceError, connections
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from chat.telemetry.metrics import REGISTRY
from chat.telemetry.stored import installation

log = logging.getLogger(__name__)

#: Seconds that a client gets to say what it wants and to take the answer.
TIMEOUT_S = 10.0
#: Requests that are answered at the same time; one more is closed.
MAX_REQUESTS = 8
#: Seconds that one who asks for the installation's waits for another who has asked before.
TURN_S = 5.0


class MetricsServer(ThreadingHTTPServer):
    """Listens once it is made; `serve` answers until the process ends. Raises OSError if it cannot have the port."""

    daemon_threads = True
    #: A port that a process of before has let go of can be had at once.
    allow_reuse_address = True

    def __init__(self, host: str, port: int, token: str = "") -> None:
        self.token = token
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.installation = installation()
        self.turn = threading.Lock()
        self._room = threading.BoundedSemaphore(MAX_REQUESTS)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's question to DNS what this machine is called, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "holdfast", int(self.server_address[1])

    def serve(self) -> None:
        """Answer in a thread that does not hold up the end of the process."""
        threading.Thread(target=self.serve_forever, name="metrics", daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("Somebody who asked for metrics went away.", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = TIMEOUT_S
    server_version, sys_version = "Holdfast", ""

    def do_GET(self) -> None:
        if not self._allowed():
            return
        match self.path.partition("?")[0]:
            case "/metrics":
                self._tell(REGISTRY)
            case "/metrics/installation":
                self._tell_installation()
            case _:
                self._say(HTTPStatus.NOT_FOUND, "There is /metrics and /metrics/installation.")

    do_HEAD = do_GET

    def _allowed(self) -> bool:
        if self.server.token:
            given = self.headers.get("Authorization", "").encode("utf-8", "replace")
            if hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
                return True
            self._say(HTTPStatus.UNAUTHORIZED, "Send HOLDFAST_METRICS_TOKEN as a bearer token.")
            return False
        # Without a token only this machine is served; a page in a browser on it, whose name was made to lead here, is
        # told by the name.
        if _is_loopback(self.headers.get("Host", "")):
            return True
        self._say(
            HTTPStatus.FORBIDDEN, "Ask for it by this machine's own name, or set HOLDFAST_METRICS_TOKEN."
        )
        return False

    def _tell_installation(self) -> None:
        if not self.server.turn.acquire(timeout=TURN_S):
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "Somebody else has asked and has no answer yet.")
            return
        try:
            self._tell(self.server.installation)
        except (DatabaseError, InterfaceError) as problem:
            log.warning("The installation's metrics cannot be had now: %s", problem)
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer.")
        except Exception:
            log.exception("The installation's metrics cannot be had.")
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, "They cannot be had; the log says why.")
        finally:
            connections.close_all()  # this thread's own
            self.server.turn.release()

    def _tell(self, registry: CollectorRegistry) -> None:
        self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry))

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{text}\n".encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def listen(host: str, first: int, ports: int, token: str = "") -> MetricsServer | None:
    """Listen on the first free port of so many; None, and a line in the log, if there is none: people are served all
    the same."""
    why: OSError | None = None
    for port in range(first, min(first + ports, 65_536)):
        try:
            server = MetricsServer(host, port, token)
        except OSError as problem:
            why = problem
        else:
            server.serve()
            log.info("Metrics are told at %s port %d.", host, port)
            return server
    log.error(
        "No port of %d to %d on %s can be had for metrics (%s). Set HOLDFAST_METRICS_PORT or HOLDFAST_METRICS_PORTS.",
        *(first, first + ports - 1, host, why.strerror if why else "none was named"),
    )
    return None
