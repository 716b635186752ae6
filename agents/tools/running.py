"""Where a tool's function runs: a coroutine in a task, a plain function in a thread of its own."""

import asyncio
import contextvars
import inspect
import math
import threading
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any

from agents.tools.definition import Progress, Tool

#: Characters of a progress note that a card shows.
NOTE_CHARS = 200


#: Seconds between two looks at the ownership while a tool is held up.
POLL_S = 0.02

#: Whether whoever runs tools in this context still owns the run, by its own clock, asking nobody. Set by the
#: owner of a run; without one every tool runs on.
OWNED: ContextVar[Callable[[], bool]] = ContextVar("OWNED", default=lambda: True)


class Owned:
    """A tool's coroutine that gets no turn while its run is not owned (rule R2).

    A process that was stopped, or starved, for longer than its lease would otherwise go on where it was and have an
    effect that the next owner has, too. So ownership is looked at before every turn: the tool waits until it is
    confirmed again, or is cancelled. What runs without a turn between (a plain function in a thread, one system call)
    cannot be held up.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], owned: Callable[[], bool]) -> None:
        self._coroutine = coroutine
        self._owned = owned

    def __await__(self) -> Generator[Any, None, Any]:
        error: BaseException | None = None
        try:
            while True:
                while error is None and not self._owned():
                    try:
                        yield from asyncio.sleep(POLL_S).__await__()
                    except BaseException as thrown:
                        error = thrown
                thrown_in, error = error, None
                try:
                    awaited = (
                        self._coroutine.send(None) if thrown_in is None else self._coroutine.throw(thrown_in)
                    )
                except StopIteration as returned:
                    return returned.value
                try:
                    yield awaited
                except BaseException as thrown:
                    error = thrown
        finally:
            self._coroutine.close()


class ProgressGate:
    """Passes progress on while the call is running; remembers if passing it on failed."""

    def __init__(self, progress: Progress) -> None:
        self._progress: Progress | None = progress
        self.error: Exception | None = None

    def close(self) -> None:
        """Nothing that an abandoned tool still says goes anywhere from now on."""
        self._progress = None

    async def __call__(self, fraction: float | None, note: str = "") -> None:
        if self._progress is None:
            return
        if fraction is not None:
            fraction = None if math.isnan(fraction) else min(1.0, max(0.0, fraction))
        try:
            await self._progress(fraction, note[:NOTE_CHARS])
        except Exception as error:
            self.error = error
            raise


class Exited(Exception):
    """A tool tried to end the process (sys.exit); it ends only itself."""


def start(tool: Tool, keywords: dict[str, Any]) -> "asyncio.Task[Any]":
    """Start a tool's function; the task ends with what it returned or raised."""
    task = asyncio.create_task(_call(tool, keywords), name=tool.name)
    # Somebody looks at the error, even when the task was abandoned: otherwise asyncio complains at exit.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _call(tool: Tool, keywords: dict[str, Any]) -> Any:
    try:
        if inspect.iscoroutinefunction(tool.function):
            return await Owned(tool.function(**keywords), OWNED.get())
        return await Owned(_in_thread(tool, keywords), OWNED.get())
    except (SystemExit, KeyboardInterrupt) as ended:
        raise Exited(type(ended).__name__) from None


async def _in_thread(tool: Tool, keywords: dict[str, Any]) -> Any:
    """Run a plain function without blocking the loop.

    Not in asyncio's own pool: a function that hangs would hold one of its few threads for good (they also
    look up host names) and would keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((value, error))

    def work() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = (tool.function(**keywords), None)
        except BaseException as error:
            outcome = (None, error)
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            pass  # The loop was closed while the abandoned function was still busy.

    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(work,), name=f"tool-{tool.name}", daemon=True).start()
    value, error = await done
    if error is not None:
        raise error
    if inspect.isawaitable(value):
        return await value
    return value
