"""Which addresses triggers may look at: those of the public internet, and of networks that the operator allows."""

import asyncio
from dataclasses import replace
from ipaddress import ip_network

from django.conf import settings

from agents.tools import ToolError
from agents.tools.addresses import UnknownHost
from agents.tools.fetching import Fetcher, default_fetcher

#: Bytes that an address may say.
MAX_BYTES = 256 * 1024
#: Seconds for which a name is looked up while somebody waits.
LOOK_UP_S = 2.0


def fetcher() -> Fetcher:
    """That of this installation: the public internet, and what its operator allows besides."""
    networks = tuple(ip_network(one) for one in settings.HOLDFAST_TRIGGER_NETWORKS)
    return replace(default_fetcher(), max_bytes=MAX_BYTES, networks=networks)


def refusal(url: str) -> str:
    """Why an address will never be looked at, as far as its name tells now; "" if nothing is known against it. Looks a
    name up, so not where a transaction is open; a name that cannot be looked up is said at the first look."""
    try:
        asyncio.run(asyncio.wait_for(fetcher().look_up(url), LOOK_UP_S))
    except TimeoutError:
        return ""
    except ToolError as problem:
        unknown = isinstance(problem, UnknownHost)
        return "" if unknown else str(problem)
    return ""
