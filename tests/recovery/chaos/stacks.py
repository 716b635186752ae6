"""What the processes of a run wait for: each that has loaded this module (chaos/tools.py does) tells its tasks and
threads, in its log, on SIGUSR1."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

#: Seconds that they get to say it.
PATIENCE_S = 1.0
#: How names of tasks begin that are not ours, of which there are dozens.
OTHERS = ("streaq.", "coredis.")


def tell_on_signal() -> None:
    """Have this process answer from now on."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, _tell)


def _tell(_: int, frame: FrameType | None) -> None:
    with contextlib.suppress(RuntimeError):
        for task in asyncio.all_tasks():
            if not task.get_name().startswith(OTHERS):
                task.print_stack(file=sys.stderr)
    sys.stderr.flush()
    faulthandler.dump_traceback(sys.stderr)


def ask(pids: list[int]) -> None:
    """Have these processes and all below them tell what they wait for, those that would die of the signal aside."""
    asked = 0
    for pid in _with_descendants(pids):
        with contextlib.suppress(OSError):
            if _catches(pid, signal.SIGUSR1):
                os.kill(pid, signal.SIGUSR1)
                asked += 1
    if asked:
        time.sleep(PATIENCE_S)


def _catches(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)
    return bool(caught >> (number - 1) & 1)


def _with_descendants(pids: list[int]) -> set[int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (folder / "stat").read_text()
                parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found, more = set(pids), True
    while more:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        found |= below
        more = bool(below)
    return found
