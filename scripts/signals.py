"""SIGTERM is heard from a process's first line on, until what runs in it says itself how it leaves.

    python -m scripts.processes NAME     hear() ─ settings, waiting for Redis ─ hold() ─ exec ─┐
    python -m scripts.signals MODULE …   hear() ─ imports ─ the server's own handler ◄─────────┘
    make run: scripts/prepare.py ─ hold(CTRL_C) ─ exec ─► scripts.stack: hear(CTRL_C) ─ imports ─ its own handler

Python hears nothing before it has a handler: a process then dies of the signal, or, as the first one in a container,
does not notice it at all. So the handler comes before everything else, and while one program becomes the next the
signal is held back by the kernel, and not lost. Standard library only, and as little of it as can be.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

CTRL_C = signal.SIGINT
#: What a shell makes of an end by SIGTERM.
STATUS = 128 + signal.SIGTERM
#: Seconds that a command gets to undo what it has begun; it may stand in a call that cannot be interrupted.
UNDO_S = 5.0


def hear(*also: int) -> None:
    """From now on SIGTERM (and `also`) ends this process at once. For one that has not begun to work, so that nothing
    is lost."""
    for number in (signal.SIGTERM, *also):
        signal.signal(number, lambda number, _: os._exit(128 + number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, *also})


def hold(*also: int) -> None:
    """Have the kernel keep a SIGTERM (and `also`) for the program that this one is about to become."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, *also})


def hear_and_undo() -> None:
    """SIGTERM is a KeyboardInterrupt from now on, which takes back what a transaction has begun, and the end of the
    process after `UNDO_S` whatever it stands in. Starts a thread: a handler in Python waits for its turn."""
    import threading
    import time

    woken, wake = os.pipe()
    os.set_blocking(wake, False)

    def end() -> None:
        while signal.SIGTERM not in os.read(woken, 64):
            pass
        time.sleep(UNDO_S)
        os._exit(STATUS)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    threading.Thread(target=end, daemon=True, name="sigterm").start()
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, interrupt)


def main() -> None:
    """Become the module that the arguments name, as `python -m` would; `--undo` before it: `hear_and_undo`."""
    undo = sys.argv[1:2] == ["--undo"]
    del sys.argv[: 2 if undo else 1]
    import runpy

    if undo:
        hear_and_undo()
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        if not undo:
            raise
        print(
            f"{' '.join(sys.argv[1:])} was told to end. What it had not finished is undone.", file=sys.stderr
        )
        sys.stderr.flush()
        os._exit(STATUS)


if __name__ == "__main__":
    hear()
    main()
