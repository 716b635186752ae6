"""One request to a model and its answer, of which nobody reads along."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agents.dialects.assembler import Assembler, Response
from agents.dialects.base import FinishDelta, Model, UsageDelta
from agents.errors import ModelError

#: Seconds of silence after a provider has said that it is over.
LINGER_S = 5.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long an answer took, and its first piece (None: there was none), in milliseconds."""

    ms: int
    first_ms: int | None


async def ask(
    model: Model, body: Mapping[str, Any], timeout_s: float
) -> tuple[Response | ModelError, Timing]:
    """Send a request and read the answer to its end; what the provider refuses is returned and not raised."""
    began = time.monotonic()
    first: int | None = None
    assembler = Assembler()
    problem: ModelError | None = None

    def since() -> int:
        return round((time.monotonic() - began) * 1000)

    try:
        async with asyncio.timeout(timeout_s) as limit, aclosing(model.stream(body)) as deltas:
            async for delta in deltas:
                if first is None and not isinstance(delta, UsageDelta | FinishDelta):
                    first = since()
                assembler.feed(delta)
                if assembler.too_large:
                    problem = ModelError("model_error", "The answer was longer than one answer may be.")
                    break
                if assembler.ended:
                    ends = asyncio.get_running_loop().time() + LINGER_S
                    limit.reschedule(min(ends, limit.when() or ends))
    except ModelError as error:
        problem = None if assembler.ended else error
    except TimeoutError:
        if not assembler.ended:
            problem = ModelError("model_unreachable", f"No answer within {timeout_s:.0f} seconds.")
    if problem is None and not assembler.ended:
        problem = ModelError("model_error", "The answer broke off before its end.")
    return problem or assembler.response(), Timing(since(), first)
