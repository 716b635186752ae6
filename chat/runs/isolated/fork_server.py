"""Where processes for suspects come from: a fork server that has imported everything once, so each begins at once.

    worker ── Supervisor ──► ForkServer (multiprocessing's fork server, started with its worker)
                          └─ fork ──► perform(name, link)

Importing this module sets Django up and imports what a run needs. A process that did that by itself would take a second
of a core, and where workers die there are many suspects at a time. So a worker that has imported everything, and has no
thread yet, forks: its copy becomes the fork server (`fork_early`), for next to nothing. Where that cannot be, the fork
server is started later and preloads this module. (It finds it in the folder where the worker was started; should that
not be the project's, each process imports it.) The fork server ends when its worker and all processes have.
"""

import asyncio
import inspect
import logging
import multiprocessing
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from chat.runs.isolated import process
from chat.runs.isolated.process import Link
from chat.support.garbage import keep_what_is_there

log = logging.getLogger(__name__)

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])
#: The parameters of the fork server's main loop that `fork_early` knows (Python 3.11 to 3.13).
_KNOWN = ["listener_fd", "alive_r", "preload", "main_path", "sys_path"]
#: The status of a process whose fork server is gone: nobody knows.
LOST = 255


def perform(name: str, link: Link) -> None:
    """The work of such a process: the runs that it is told of, as worker `name`, until its worker is gone."""
    process.main(name, link)


def fork_early() -> bool:
    """Make a copy of this process, which has imported what a run needs, the fork server. Call it before the first
    thread, connection or event loop. False: that cannot be here, and it will be started when it is wanted.

    This is what `ensure_running` of multiprocessing's fork server does, but for a fork in the place of a new
    interpreter that would have to import everything again."""
    server: Any = forkserver._forkserver
    known = list(inspect.signature(forkserver.main).parameters) == _KNOWN
    if not known or server._forkserver_pid is not None or threading.active_count() > 1:
        log.debug("The fork server is started later.")
        return False
    resource_tracker.ensure_running()
    # What is there now stays: the garbage collector need not touch, and so copy, it in either process.
    keep_what_is_there()
    with socket.socket(socket.AF_UNIX) as listener:
        address: str = connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
        listener.bind(address)
        if not address.startswith("\0"):
            os.chmod(address, 0o600)
        listener.listen()
        # Its processes and we hold the one end; when all of us are gone, the fork server goes.
        alive_r, alive_w = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(alive_w)
                forkserver.main(listener.detach(), alive_r, [])
            except SystemExit:
                status = 0
            finally:
                os._exit(status)
        os.close(alive_r)
    server._forkserver_address, server._forkserver_alive_fd, server._forkserver_pid = address, alive_w, pid
    return True


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
