"""WebKit (GTK) over WebDriver, through Debian's WebKitWebDriver, on a screen of Xvfb.

Eight commands of the standard over HTTP: a library for them would be an environment of its own, and the page's side
(`page.py`) is shared with Firefox.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.browsers.bidi import Refused
from tests.browsers.page import Page, called
from tests.support.ports import claim_port
from tests.support.processes import clean_environment
from tests.support.waiting import wait_until

SECONDS = 40.0
#: Keeps the errors of scripts, as WebDriver tells none. From when it is called: an error before shows as a white page.
LISTEN = """() => {
  if (window.walkProblems) return;
  window.walkProblems = [];
  const keep = (text) => window.walkProblems.push(String(text));
  addEventListener("error", (event) => keep(event.message));
  addEventListener("unhandledrejection", (event) => keep(event.reason));
  addEventListener("securitypolicyviolation", (event) => keep(`${event.violatedDirective} ${event.blockedURI}`));
}"""


class WebKit(Page):
    """`with WebKit(driver, browser, screen) as page:`; the three programs. Everything ends with it."""

    def __init__(self, driver: str, browser: str, screen: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-webkit-"))
        self.driver, self.browser, self.screen = driver, browser, screen
        self.port = claim_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        self._session, self._problems = "", list[str]()

    def __enter__(self) -> WebKit:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        read, write = os.pipe()
        argv = [self.screen, "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
        self._run(argv, {}, pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as told:
            display = told.readline().strip()
        if not display:
            raise Refused(f"Xvfb has not started: {self._log()}")
        # No GPU, no desktop: what WebKit would ask of them is left out.
        more = {"DISPLAY": f":{display}", "WEBKIT_DISABLE_DMABUF_RENDERER": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}
        more |= {"HOME": str(self.folder), "NO_AT_BRIDGE": "1", "GIO_USE_PROXY_RESOLVER": "dummy"}
        self._run([self.driver, f"--port={self.port}", "--host=127.0.0.1"], more)
        wait_until(self._answers, SECONDS, lambda: f"WebKitWebDriver: {self._log()}")
        options = {"binary": self.browser, "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        told = self._do("POST", "/session", wanted)
        self._session = f"/session/{told['sessionId']}"
        self.version = told["capabilities"]["browserVersion"]
        self._do("POST", "/timeouts", {"script": 30_000, "pageLoad": 30_000})
        self._do("POST", "/window/rect", {"x": 0, "y": 0, "width": 1280, "height": 900})

    def _run(self, argv: list[str], more: dict[str, str], **how: Any) -> None:
        with (self.folder / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    argv,
                    env=clean_environment(**more),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **how,
                )
            )

    def __exit__(self, *_: object) -> None:
        if self._session:
            with suppress(Refused, OSError):
                self._do("DELETE", "")
        for process in reversed(self.processes):
            # The driver's group has the browser in it, too.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def go(self, address: str) -> None:
        self._gather()
        self._do("POST", "/url", {"url": address})
        self.call(LISTEN)

    def reload(self) -> None:
        self._gather()
        self._do("POST", "/refresh", {})
        self.call(LISTEN)

    def call(self, function: str, *arguments: Any) -> Any:
        script = f"const done = arguments[arguments.length - 1]; {called(function, arguments)}.then("
        script += "(told) => done([true, told]), (problem) => done([false, String(problem)]));"
        well, told = self._do("POST", "/execute/async", {"script": script, "args": []})
        if not well:
            raise Refused(told)
        return json.loads(told)

    def act(self, actions: list[dict[str, Any]]) -> None:
        self._do("POST", "/actions", {"actions": actions})

    def problems(self) -> list[str]:
        self._gather()
        return list(self._problems)

    def picture(self) -> bytes:
        return base64.b64decode(self._do("GET", "/screenshot"))

    def _gather(self) -> None:
        self._problems += self.call("() => (window.walkProblems ?? []).splice(0)")

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def _answers(self) -> bool:
        try:
            return bool(self._do("GET", "/status")["ready"])
        except OSError:
            return False

    def _do(self, method: str, path: str, body: Any = None) -> Any:
        """The value of a command; its path is within the session."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{self._session}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as refused:
            with refused:
                told = json.load(refused)["value"]
            raise Refused(f"{method} {path}: {told['error']}: {told['message']}") from None
