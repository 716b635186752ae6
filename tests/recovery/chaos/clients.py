"""The simulated people of a chaos run: one Node process with the real TypeScript engine (frontend/src/sync)."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.processes import PEOPLE, ROOT, password
from tests.support.wire import login

Line = dict[str, Any]


@functools.cache
def build() -> Path:
    """Bundle the clients, once per process; the path of the script."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-clients-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    node = shutil.which("node")
    assert node, "Node was not found; Holdfast needs it (see README.md)."
    done = subprocess.run(
        [node, "scripts/clients.mjs", str(folder)],
        cwd=ROOT / "frontend",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"The clients could not be bundled; run `make tools`.\n{done.stderr}"
    return folder / "clients.js"


class Clients:
    """`with Clients(...) as clients:` they work; `finish` ends that and returns all that was heard of them."""

    def __init__(
        self,
        script: Path,
        address: str,
        servers: Sequence[str],
        *,
        conversations: int,
        seed: int,
        pace_ms: int,
        mishaps: float,
        second_thoughts: float,
        folder: Path,
    ) -> None:
        people = [{"name": name, "cookie": login(address, name, password(name))} for name in PEOPLE]
        task = {
            "servers": list(servers),
            "people": people,
            "conversations": conversations,
            "pace": pace_ms,
            "seed": seed,
            "mishaps": mishaps,
            "second_thoughts": second_thoughts,
        }
        self._argv = ["node", str(script), json.dumps(task)]
        self._out = folder / "clients.jsonl"
        self._errors = folder / "clients.err"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Clients:
        with self._out.open("wb") as out, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.PIPE, stdout=out, stderr=errors, env={"PATH": _path()}
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End them at once, if they have not ended."""
        assert self._process is not None and self._process.stdin is not None
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._process.stdin.close()

    def pause(self) -> None:
        """SIGSTOP: like a laptop that was closed, nothing moves and no timer runs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`: what was due meanwhile is due at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def lines(self) -> list[Line]:
        """All that they said so far."""
        text = self._out.read_text(errors="replace")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def finish(self, seconds: float) -> list[Line]:
        """Have them come to rest, for at most this long, and say what they see; everything that was said."""
        assert self._process is not None and self._process.stdin is not None
        assert self._process.poll() is None, f"The clients have ended: {self._errors.read_text()[-2000:]}"
        self._process.stdin.write(json.dumps({"end_within": int(seconds * 1000)}).encode() + b"\n")
        self._process.stdin.flush()
        until = time.monotonic() + seconds + 15
        while self._process.poll() is None:
            assert time.monotonic() < until, "The clients do not end."
            time.sleep(0.05)
        said = self.lines()
        assert said and said[-1]["what"] == "over", self._errors.read_text()[-2000:]
        return said


def _path() -> str:
    node = shutil.which("node")
    assert node
    return str(Path(node).parent)
