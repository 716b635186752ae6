"""Where processes for suspects come from: a fork server that has imported everything once, so each begins at once.

    worker ── Supervisor ──► ForkServer (multiprocessing's fork server, started with its worker)
                          └─ fork ──► perform(name, link)

Importing this module sets Django up and imports what a run needs; the fork server preloads it. A process that did that
by itself would take a second of a core, and where workers die there are many suspects at a time. (The fork server finds
this module in the folder where the worker was started; should that not be the project's, each process imports it.) The
fork server ends when its worker and all processes have.
"""

import asyncio
import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from chat.runs.isolated import process
from chat.runs.isolated.process import Link

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])
#: The status of a process whose fork server is gone: nobody knows.
LOST = 255


def perform(name: str, link: Link) -> None:
    """The work of such a process: the runs that it is told of, as worker `name`, until its worker is gone."""
    process.main(name, link)


class ForkServer:
    """The processes that this worker starts. All that is asked of them is asked in one thread: two that read a status
    at the same time would take it from each other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fork server")

    def prepare(self) -> None:
        """Have the fork server begin to import, so that the first process need not wait for that. Returns at once."""
        self._thread.submit(forkserver.ensure_running)

    async def start(self, name: str) -> tuple[BaseProcess, Link]:
        """A new process for suspects, and our end of the link to it: it is told (conversation,
        run), and tells (conversation, outcome). It hands its runs over and ends when the link does."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _start, name)

    async def ended(self, process: BaseProcess) -> int:
        """Wait for its end. Its exit status; negative: the signal that ended it."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(process.sentinel, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(process.sentinel)
        code = await loop.run_in_executor(self._thread, lambda: process.exitcode)
        if code is None or code == LOST:
            tell(process, signal.SIGKILL)  # it may go on, and nobody would ever hear of its end
            return LOST
        return code

    def close(self) -> None:
        """Start nothing more. The fork server ends with this process."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def tell(process: BaseProcess, number: int) -> None:
    """Send a signal to a process that has been started and not been seen to end."""
    assert process.pid, "0 would be the whole process group, this worker included"
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        pass  # it has ended by itself


def _start(name: str) -> tuple[BaseProcess, Link]:
    ours, theirs = _SERVER.Pipe()
    # As a daemon: a worker that ends without having seen to it does not wait for it.
    process = _SERVER.Process(target=perform, args=(name, theirs), name=name, daemon=True)
    process.start()
    theirs.close()
    return process, ours
