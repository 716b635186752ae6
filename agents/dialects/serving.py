"""What a server of one's own tells of itself: `/v1/models` and, at llama.cpp, `/props` with the chat template.

Nothing depends on it: a server that tells nothing, or not in time, is one that nothing is known of.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from agents.providers.base import Served

#: Seconds that both questions may take together: a run waits for them.
TIMEOUT_S = 3.0
#: Seconds for which an answer, or that there is none, is believed: a server may be started again with another model.
BELIEVED_S = 300.0
#: Who says so in `owned_by`, and the profile of that kind of server.
_KINDS = {"vllm": "vllm", "sglang": "vllm", "llamacpp": "llama.cpp", "library": "ollama"}

_Known = dict[tuple[str, str, str], tuple[float, Served | None]]
_known: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Known]" = WeakKeyDictionary()


async def what_is_served(base_url: str, key: str, model: str) -> Served | None:
    """What the server at an address tells of a model, or None. Asks at most once in BELIEVED_S. Never raises."""
    known = _known.setdefault(asyncio.get_running_loop(), {})
    asked, now = (base_url, key, model), time.monotonic()
    if asked not in known or known[asked][0] < now - BELIEVED_S:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                known[asked] = (now, await _ask(base_url, key, model))
        except TimeoutError:
            known[asked] = (now, None)
    return known[asked][1]


async def _ask(base_url: str, key: str, model: str) -> Served | None:
    served = read_models(await _get(base_url, key, "/models"), model)
    if served is None or served.server != "llama.cpp":
        return served
    root = base_url.rstrip("/").removesuffix("/v1")
    return Served(served.server, served.model, read_template(await _get(base_url, key, f"{root}/props")))


async def _get(base_url: str, key: str, path: str) -> Any:
    """The JSON at a path; None for whatever else comes."""
    import openai  # Takes a third of a second: for workers, which have it.

    from agents.dialects.http import client_for

    try:
        return await client_for(base_url, key).get(path, cast_to=object)
    except (openai.OpenAIError, ValueError, OSError):
        return None


def read_models(listing: Any, model: str) -> Served | None:
    """What a list of models tells of one, or of the only one that there is."""
    models = listing.get("data") if isinstance(listing, Mapping) else None
    models = [one for one in models if isinstance(one, Mapping)] if isinstance(models, list) else []
    found = next((one for one in models if one.get("id") == model), models[0] if len(models) == 1 else None)
    if found is None:
        return None
    owner, root = str(found.get("owned_by") or ""), found.get("root")
    name = root if isinstance(root, str) and root else found.get("id")
    return Served(_KINDS.get(owner.lower(), ""), str(name or ""))


def read_template(props: Any) -> str:
    """The chat template among the properties of llama.cpp's server; empty: it shows none."""
    template = props.get("chat_template") if isinstance(props, Mapping) else None
    return template if isinstance(template, str) else ""
