"""Pictures, decoded in a process of their own (`decoder.py`): bounded in memory and time, killed when it takes longer.

    web, worker ─► at most MAX_PROCESSES decoders, each for one picture at a time, for MAX_USES pictures
                        │ deadline, memory, a crash of the decoder
                        ▼
                   BadPicture: that file cannot be used; the next one gets a new process

A decoder is C code that reads what strangers send, and what it once allocated a process keeps. So it is not this one:
docs/decisions/0022-pictures-in-a-process-of-their-own.md. Plain functions for threads; never call them in a loop.
"""

import atexit
import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

#: Started by its path: this process does not load what it guards itself against.
DECODER = str(Path(__file__).with_name("decoder.py"))
#: Decoders of one process at a time. Whoever comes beyond that waits.
MAX_PROCESSES = 2
#: Pictures of one decoder, and seconds of processor in all its life: those that one whose parent was killed can waste.
MAX_USES, MAX_CPU_S = 50, 600
#: Seconds for one picture; 50 million pixels take about two.
TIMEOUT_S = 15.0
#: Bytes of memory: the libraries, and a few copies of the picture.
BASE_BYTES, BYTES_PER_PIXEL = 400_000_000, 16
#: A file of more bytes than this gets more memory, in whole steps, so that most files share a decoder.
MANY_BYTES = 50_000_000


class BadPicture(Exception):
    """It cannot be decoded. `code`: too_many_pixels, broken_image, too_much_memory, timeout, crashed."""

    def __init__(self, code: str, told: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.told = told or {}


@dataclass
class _Decoder:
    """One process. `memory`: the bound that it was started with."""

    running: "subprocess.Popen[bytes]"
    memory: int
    uses: int = 0

    def ask(self, op: str, data: bytes, deadline: float, **options: Any) -> tuple[dict[str, Any], bytes]:
        """Raises OSError if it is gone, and TimeoutError."""
        asked = json.dumps({"op": op, "size": len(data), **options}).encode()
        self._write(memoryview(asked + b"\n" + data), deadline)
        line = b""
        while not line.endswith(b"\n"):
            line += self._read(1, deadline)
        told: dict[str, Any] = json.loads(line)
        made = b""
        while len(made) < told["size"]:
            made += self._read(min(1 << 20, told["size"] - len(made)), deadline)
        self.uses += 1
        return told, made

    def _write(self, left: memoryview, deadline: float) -> None:
        pipe = self.running.stdin
        assert pipe is not None
        while left:
            if not select.select([], [pipe], [], max(0.0, deadline - time.monotonic()))[1]:
                raise TimeoutError
            left = left[os.write(pipe.fileno(), left[:65_536]) :]

    def _read(self, count: int, deadline: float) -> bytes:
        pipe = self.running.stdout
        assert pipe is not None
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        found = os.read(pipe.fileno(), count)
        if not found:
            raise BrokenPipeError("the decoder has ended")
        return found

    def end(self) -> None:
        """Kill it, if it lives, and wait for it."""
        self.running.kill()
        for pipe in (self.running.stdin, self.running.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass
        self.running.wait()


class Pictures:
    """The decoders of one process."""

    def __init__(self, timeout_s: float = TIMEOUT_S, memory: int | None = None) -> None:
        self._timeout_s = timeout_s
        self._memory = memory
        self._room = threading.BoundedSemaphore(MAX_PROCESSES)
        self._idle: list[_Decoder] = []
        self._pid = os.getpid()

    def check(self, data: bytes, form: str, pixels: int) -> tuple[int, int]:
        """(width, height) of a picture of this format, as Pillow calls it. Raises BadPicture."""
        told, _ = self._ask("check", data, form=form, pixels=pixels)
        return told["width"], told["height"]

    def shrunk(self, data: bytes, edge: int, plain_bytes: int, pixels: int) -> tuple[str, bytes] | None:
        """(media type, bytes) of a picture as a model gets it; None if it is that already. Raises BadPicture."""
        told, made = self._ask("shrink", data, edge=edge, plain_bytes=plain_bytes, pixels=pixels)
        return None if told.get("as_is") else (told["media_type"], made)

    def close(self) -> None:
        """End the decoders that are idle."""
        while self._idle:
            self._idle.pop().end()

    def _ask(self, op: str, data: bytes, *, pixels: int, **options: Any) -> tuple[dict[str, Any], bytes]:
        copies = 2 * (len(data) // MANY_BYTES) * MANY_BYTES
        memory = self._memory or BASE_BYTES + BYTES_PER_PIXEL * pixels + copies
        with self._room:
            # An idle decoder may just have ended by itself: then another one gets the picture.
            for fresh in (False, True):
                with self._decoder(memory, fresh) as one:
                    began = one.uses
                    try:
                        deadline = time.monotonic() + self._timeout_s
                        told, made = one.ask(op, data, deadline, pixels=pixels, **options)
                    except TimeoutError:
                        one.uses = MAX_USES
                        log.warning(
                            "A picture of %d bytes took longer than %s s.", len(data), self._timeout_s
                        )
                        raise BadPicture("timeout") from None
                    except (OSError, ValueError):
                        one.uses = MAX_USES
                        if began and not fresh:
                            continue
                        log.warning("A picture of %d bytes ended the process that decoded it.", len(data))
                        raise BadPicture("crashed") from None
                if told.get("problem") == "too_much_memory":
                    log.warning("A picture of %d bytes needs more memory than it may have.", len(data))
                if "problem" in told:
                    raise BadPicture(told["problem"], told)
                return told, made
        raise BadPicture("crashed")

    @contextmanager
    def _decoder(self, memory: int, fresh: bool) -> Iterator[_Decoder]:
        """One for this caller alone. One that must not be used again has had its uses."""
        one = self._start(memory) if fresh else self._take(memory)
        try:
            yield one
        finally:
            if one.uses < MAX_USES:
                self._idle.append(one)
            else:
                one.end()

    def _take(self, memory: int) -> _Decoder:
        if self._pid != os.getpid():  # Forked: these belong to the parent.
            self._idle, self._pid = [], os.getpid()
        while self._idle:
            one = self._idle.pop()
            if one.memory >= memory and one.running.poll() is None:
                return one
            one.end()
        return self._start(memory)

    def _start(self, memory: int) -> _Decoder:
        command = [sys.executable, "-P", DECODER, str(memory), str(MAX_CPU_S)]
        # Of our environment nothing but where modules are: it holds keys.
        env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        running = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null, env=env, bufsize=0)
        assert running.stdin is not None
        os.set_blocking(running.stdin.fileno(), False)
        return _Decoder(running, memory)


#: Those of this process.
pictures = Pictures()
atexit.register(pictures.close)
