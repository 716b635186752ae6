"""Tokens of a running Holdfast, made on its page as a person makes them."""

from __future__ import annotations

import re

import httpx

from tests.support.tab import Addressed, log_in

PAGE = "/accounts/tokens/"


async def make_token(stack: Addressed, person: str, *scopes: str) -> str:
    """A token of Alice's, Bob's or Charlie's, for everything if no scope is named."""
    cookies = await log_in(stack, person)
    form = {
        "name": "Test",
        "scopes": list(scopes or ("read", "write", "decide", "delete")),
        "days": "7",
        "per_minute": "600",
        "csrfmiddlewaretoken": cookies["csrftoken"],
    }
    async with httpx.AsyncClient(base_url=stack.address, cookies=cookies, timeout=20) as client:
        answer = await client.post(PAGE, data=form, headers={"Referer": stack.address + PAGE})
    found = re.search(r'data-testid="token">([^<]+)<', answer.text)
    assert found, answer.text
    return found[1]
