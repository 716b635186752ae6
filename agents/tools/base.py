"""All that a tool's author and the loop need: `tool`, its context and errors, and the Toolbox that runs it.

A call never raises for what a model or a tool did wrong: it comes to a failed result that the model reads.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from agents.events import CallCode, Effect
from agents.tools.definition import (
    PREVIEW_CHARS,
    Probe,
    Probed,
    Progress,
    Storage,
    StoredNote,
    Tool,
    ToolContext,
    ToolError,
    ToolResult,
    Toolset,
    kept_by,
    tool,
)
from agents.tools.running import ProgressGate, start
from agents.tools.signature import explain
from agents.tools.texts import fit, result_text

__all__ = [
    "PREVIEW_CHARS",
    "Probe",
    "Probed",
    "Progress",
    "Storage",
    "StoredNote",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolResult",
    "Toolbox",
    "Toolset",
    "kept_by",
    "tool",
]

log = logging.getLogger(__name__)

#: Seconds that a cancelled tool gets to clean up. A stop must be through within a second (rule R7).
GRACE = 0.5


class Toolbox:
    """The tools of an installation, by name. Holds no state of any call; one per process is enough."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for one in tools:
            if one.name in self._tools:
                raise ValueError(f"two tools are named {one.name!r}; give one of them another name")
            self._tools[one.name] = one

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tools, in the order in which they were given."""
        return tuple(self._tools)

    def renderers(self) -> dict[str, str]:
        """The static paths of the modules that draw results in the web chat, by tool; of those that have one."""
        return {name: tool.renderer for name, tool in self._tools.items() if tool.renderer}

    def summary(self, name: str) -> str:
        """What the tool is for, in one line."""
        return self._tools[name].signature.summary

    def schemas(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """What the model is told about these tools (Chat Completions form); unknown names are left out."""
        return [self._tools[name].schema() for name in names if name in self._tools]

    def effect(self, name: str) -> Effect:
        """What running the tool does to the world; for a tool that does not exist, the careful answer."""
        return self._tools[name].effect if name in self._tools else "effectful"

    def visits(self, name: str) -> bool:
        """Whether the tool reads pages of the internet (`Tool.visits`)."""
        return name in self._tools and self._tools[name].visits

    def addresses(self, name: str, arguments: str) -> tuple[str, ...]:
        """The addresses that a call would ask for; none of one that cannot run. Where its tool cannot tell, one that
        nobody has given, so that a person is asked."""
        chosen = self._tools.get(name)
        if chosen is None or chosen.addresses is None:
            return ()
        keywords = self._parsed(name, arguments)
        if isinstance(keywords, ToolResult):
            return ()
        try:
            return tuple(map(str, chosen.addresses(**keywords)))
        except Exception:
            log.warning("%s could not tell which addresses a call would ask for", name, exc_info=True)
            return ("",)

    def check(self, name: str, arguments: str) -> ToolResult | None:
        """The failed result of a call that cannot run (no such tool, bad arguments), or None if it can."""
        parsed = self._parsed(name, arguments)
        return parsed if isinstance(parsed, ToolResult) else None

    def _parsed(self, name: str, arguments: str) -> dict[str, Any] | ToolResult:
        """The keyword arguments of a call, or the failed result of one that cannot run."""
        if name not in self._tools:
            known = ", ".join(self._tools) or "none"
            return _failed("unknown_tool", f"There is no tool named {name[:64]!r}. The tools are: {known}.")
        try:
            return self._tools[name].signature.parse(arguments)
        except ValidationError as error:
            return _refused(self._tools[name], error)

    async def run(self, name: str, arguments: str, context: ToolContext) -> ToolResult:
        """Run one call to its end and return what it came to. `arguments` is the model's own JSON text.

        Raises only what is not the tool's doing: CancelledError when the caller cancels (the tool is
        cancelled too and has GRACE seconds to clean up), and whatever `context.progress` raised, so that a
        worker that lost its fence hears of it. Progress after the end of the call goes nowhere.
        """
        keywords = self._parsed(name, arguments)
        if isinstance(keywords, ToolResult):
            return keywords
        chosen = self._tools[name]
        gate = ProgressGate(context.progress)
        if chosen.signature.context:
            keywords[chosen.signature.context] = replace(context, progress=gate)
        work = start(chosen, keywords)
        try:
            done, _ = await asyncio.wait({work}, timeout=chosen.timeout)
            if not done:
                await _end(work)
        except asyncio.CancelledError:
            await _end(work)
            raise
        finally:
            gate.close()
        if gate.error is not None:
            raise gate.error
        if not done:
            text = f"{name} was ended because it took longer than {chosen.timeout:g} seconds."
            return _failed("timeout", text)
        return _outcome(chosen, work, context.result_chars)

    async def probe(self, name: str, arguments: str, context: ToolContext) -> Probed:
        """Ask the tool whether the effect of a call in doubt has happened (rule R4). Never raises for the
        tool's own failure: what cannot be found out is `unknown`."""
        chosen = self._tools.get(name)
        if chosen is None or chosen.probe is None:
            return Probed("unknown")
        keywords = self._parsed(name, arguments)
        if isinstance(keywords, ToolResult):
            return Probed("unknown")
        try:
            async with asyncio.timeout(chosen.timeout):
                return await chosen.probe(context, **keywords)
        except Exception:
            log.warning("the probe of %s failed", name, exc_info=True, extra={"call": context.call})
            return Probed("unknown")


async def _end(work: "asyncio.Task[Any]") -> None:
    """Cancel a tool and wait for it, but not for longer than GRACE: one that does not let go is abandoned."""
    work.cancel()
    await asyncio.wait({work}, timeout=GRACE)
    if not work.done():
        log.warning("tool %s does not end when cancelled and was abandoned", work.get_name())


def _outcome(chosen: Tool, work: "asyncio.Task[Any]", limit: int) -> ToolResult:
    if work.cancelled():
        return _failed("tool_error", f"{chosen.name} was interrupted from within.")
    error = work.exception()
    if isinstance(error, ToolError):
        return _failed("tool_error", str(error) or f"{chosen.name} failed without saying why.")
    if error is not None:
        # The message of an unexpected error may hold anything, a key included: it goes to the log only.
        log.warning("tool %s failed", chosen.name, exc_info=error)
        text = f"{chosen.name} failed with an unexpected error ({type(error).__name__})."
        return _failed("tool_error", text)
    try:
        text = result_text(work.result())
    except Exception as unfit:
        log.warning("tool %s returned what cannot be written as text", chosen.name, exc_info=unfit)
        return _failed("tool_error", f"{chosen.name} returned something that cannot be written as text.")
    return ToolResult(fit(text, limit), fit(text, PREVIEW_CHARS), len(text), ok=True)


def _refused(chosen: Tool, error: ValidationError) -> ToolResult:
    if error.errors(include_url=False)[0]["type"] == "json_invalid":
        return _failed("malformed_arguments", explain(chosen.name, chosen.signature, error))
    return _failed("invalid_arguments", explain(chosen.name, chosen.signature, error))


def _failed(code: CallCode, text: str) -> ToolResult:
    text = result_text(text)
    return ToolResult(fit(text, 4_000), fit(text, PREVIEW_CHARS), len(text), ok=False, code=code)
