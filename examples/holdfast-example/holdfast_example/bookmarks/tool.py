"""The tool. Its name, type hints and docstring are what the model is told."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from agents.tools import Probed, ToolContext, ToolError, tool
from chat.support.database import ask
from holdfast_example.bookmarks import store

Action = Literal["save", "list"]


async def _happened(context: ToolContext, action: Action, url: str, title: str) -> Probed:
    """Whether a call whose worker died has left its bookmark: then nobody has to be asked."""
    if action != "save" or not await ask(store.has, context.owner, context.key):
        return Probed("not_happened")
    # As the model would have read it from the call itself.
    return Probed("happened", json.dumps(await _all(context), ensure_ascii=False, separators=(",", ":")))


@tool(effect="effectful", timeout=10, probe=_happened, renderer="holdfast_example/bookmarks.js")
async def bookmarks(
    action: Action,
    context: ToolContext,
    url: Annotated[str, Field(max_length=1_000)] = "",
    title: Annotated[str, Field(max_length=200)] = "",
) -> dict[str, Any]:
    """Keep an address for the user, or list the addresses that are kept.

    Args:
        action: save (needs a url), or list.
        url: The whole address, beginning with http:// or https://.
        title: What the user calls it.
    """
    if action == "save":
        if not url.startswith(("http://", "https://")):
            raise ToolError("Give the whole address, beginning with http:// or https://.")
        try:
            await ask(store.add, context.owner, context.key, url, title)
        except store.Full:
            raise ToolError(f"There are {store.MAX_BOOKMARKS} bookmarks already.") from None
    return await _all(context)


async def _all(context: ToolContext) -> dict[str, Any]:
    return {"bookmarks": await ask(store.all_of, context.owner)}
