"""Every route of the APIs for programs, asked by schemathesis as their descriptions say and as they forbid.

No 5xx but what the description has, no answer that it does not have, nothing without a token, no traceback in the log.
`make fuzz` asks for long (HOLDFAST_SCHEMATHESIS: how often each route is asked in each phase).
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import odd
from tests.support.api_tokens import make_token
from tests.support.processes import Stack, clean_environment

COUNT = int(os.environ.get("HOLDFAST_SCHEMATHESIS", "8"))
SEED = os.environ.get("HOLDFAST_FUZZ_SEED", "14")

#: What must hold of every answer. (That what is valid is accepted cannot: most ids name nothing.)
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "unsupported_method", "ignored_auth"),
)
TRACES = re.compile(r"Traceback|A request of a program failed|Internal Server Error")


@pytest.fixture(scope="module")
def stack(database_template: Any) -> Iterator[Stack]:
    """Web, a worker and the demo model."""
    with Stack(template=database_template) as made:
        yield made.up()


@pytest.fixture
async def token(stack: Stack) -> str:
    """One that is never too fast."""
    made = await make_token(stack, "alice")
    stack.sql("UPDATE tokens_apitoken SET per_minute = 1000000")
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        pytest.param("/api/v1/openapi.json", "followConversation", marks=pytest.mark.exhaustive),
        ("/v1/openapi.json", ""),
    ],
)
async def test_every_route_is_asked_what_it_may_and_may_not(
    stack: Stack, token: str, tmp_path: Path, path: str, left_out: str
) -> None:
    arguments = [
        *("run", f"{stack.address}{path}", "--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(COUNT), "--seed", SEED),
        *("--request-timeout", "60", "--no-color", "--generation-database", "none"),
        *(("--exclude-operation-id", left_out) if left_out else ()),
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", *arguments),
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=os.pathsep.join(sys.path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    told = out.decode()
    print(told[-2_000:])
    assert process.returncode == 0, told[-12_000:]
    log = stack.process("web").output(5_000_000)
    assert not TRACES.search(log), log[-8_000:]


@pytest.mark.exhaustive
@pytest.mark.slow
async def test_the_stream_is_asked_for_from_places_that_never_were(stack: Stack, token: str) -> None:
    """Schemathesis would read it to its end, and it has none."""
    async with httpx.AsyncClient(base_url=f"{stack.address}/api/v1", timeout=20) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        made = (await client.post("/conversations", json={})).json()
        for value in [*odd.ODD, "a:1:b", f"a:{'9' * 90}:b", ":", "::", "-1", "a:-1:b", "a:1e9:b"]:
            text = str(value).encode(errors="replace").decode()
            asked = {"cursor": text[:200]}
            async with client.stream(
                "GET", f"/conversations/{made['conversation']}/events", params=asked
            ) as answer:
                assert answer.status_code in (200, 400, 422), (text, answer.status_code)
                if answer.status_code == 200:
                    assert answer.headers["content-type"].startswith("text/event-stream")
                    lines = answer.aiter_lines()
                    while (line := await anext(lines)) != "event: snapshot":
                        assert line.startswith(("retry:", "id:")) or line == "", line
    assert not TRACES.search(stack.process("web").output(5_000_000))
