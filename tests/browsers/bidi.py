"""Firefox over WebDriver BiDi, which it speaks itself: no driver between, and none is in Debian.

Playwright and Selenium would do, but the first asks Firefox ESR for commands that it has not, and the second needs
geckodriver. What a walk needs are seven commands of the standard.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.browsers.page import Page, called
from tests.support.processes import clean_environment
from tests.support.waiting import wait_until

#: Nothing but loopback is reached: every other host is asked for at a port where nobody listens.
SETTINGS: dict[str, Any] = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1",
    "network.proxy.failover_direct": False,
    "remote.active-protocols": 1,
    "intl.accept_languages": "en",
    # Without a screen it has the focus nowhere, and a page nobody looks at marks every answer as new.
    "focusmanager.testmode": True,
}
ADDRESS = re.compile(r"WebDriver BiDi listening on (ws://127\.0\.0\.1:\d+)")
SECONDS = 40.0


class Refused(Exception):
    """The browser has refused a command; the text is what it says."""


class Firefox(Page):
    """`with Firefox(path) as page:` with a profile of its own, which goes with it."""

    def __init__(self, program: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-firefox-"))
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in SETTINGS.items()]
        (self.folder / "user.js").write_text("\n".join(lines))
        self.log = self.folder / "firefox.log"
        home = clean_environment(HOME=str(self.folder), MOZ_CRASHREPORTER_DISABLE="1")
        argv = [program, "--headless", "--no-remote", "--profile", str(self.folder)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*argv, "--remote-debugging-port", "0", "about:blank"],
                env=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._number, self._problems = 0, list[str]()

    def __enter__(self) -> Firefox:
        try:
            found = wait_until(self._address, SECONDS, lambda: f"Firefox: {self.log.read_text()[-2000:]}")
            self._socket = connect(f"{found}/session", max_size=None, proxy=None, ping_interval=None)
            self.version = self._do("session.new", capabilities={})["capabilities"]["browserVersion"]
            self._window = self._do("browsingContext.getTree")["contexts"][0]["context"]
            self._do("browsingContext.activate", context=self._window)
            self._do("session.subscribe", events=["log.entryAdded"])
            size = {"width": 1280, "height": 850}
            self._do("browsingContext.setViewport", context=self._window, viewport=size)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def go(self, address: str) -> None:
        self._do("browsingContext.navigate", context=self._window, url=address, wait="complete")

    def reload(self) -> None:
        self._do("browsingContext.reload", context=self._window, wait="complete")

    def call(self, function: str, *arguments: Any) -> Any:
        how = {"target": {"context": self._window}, "awaitPromise": True}
        told = self._do("script.evaluate", expression=called(function, arguments), **how)
        if told["type"] != "success":
            raise Refused(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    def act(self, actions: list[dict[str, Any]]) -> None:
        self._do("input.performActions", context=self._window, actions=actions)

    def problems(self) -> list[str]:
        return list(self._problems)

    def picture(self) -> bytes:
        return base64.b64decode(self._do("browsingContext.captureScreenshot", context=self._window)["data"])

    def _address(self) -> str | None:
        found = ADDRESS.search(self.log.read_text(errors="replace"))
        if found is None and self.process.poll() is not None:
            raise Refused(f"Firefox has ended: {self.log.read_text(errors='replace')[-2000:]}")
        return found and found[1]

    def _do(self, method: str, **parameters: Any) -> Any:
        """The result of a command; events that come before it are kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        end = time.monotonic() + SECONDS
        while True:
            told = json.loads(self._socket.recv(timeout=max(0.0, end - time.monotonic())))
            if told.get("method") == "log.entryAdded":
                self._heard(told["params"])
            elif told.get("id") == self._number:
                if told["type"] == "error":
                    raise Refused(f"{method}: {told['error']}: {told['message']}")
                return told["result"]

    def _heard(self, entry: dict[str, Any]) -> None:
        # A cut link is told as an error of the console, too; cutting links is what the walk does.
        if entry["level"] == "error" and not re.search(
            r"can.t establish a connection|NetworkError|Loading failed", entry["text"]
        ):
            self._problems.append(f"{entry['type']}: {entry['text']}")
