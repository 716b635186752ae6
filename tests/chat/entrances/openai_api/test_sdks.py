"""OpenAI's own SDKs, Python and TypeScript, with real processes; and what they notice when these die."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest

from tests.support.api_tokens import make_token
from tests.support.processes import ROOT, Stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

SUM = "What is 6 * 7?"
SLOW = "Research lighthouses."


@pytest.fixture(scope="module")
def stack(database_template: Any) -> Iterator[Stack]:
    # Long enough for a live worker that waits for a core: a lost lease ends a stream whose text was already read.
    env = {"HOLDFAST_LEASE_MS": "6000", "HOLDFAST_RENEW_MS": "1500", "HOLDFAST_SWEEP_MS": "300"}
    with Stack(template=database_template, env=env) as made:
        yield made.up()


@pytest.fixture
async def token(stack: Stack) -> str:
    return await make_token(stack, "alice", "read", "write")


@pytest.fixture
async def client(stack: Stack, token: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{stack.address}/v1", api_key=token, timeout=60) as made:
        yield made


async def test_the_python_sdk_asks_agents_that_use_their_tools_here(
    stack: Stack, client: openai.AsyncOpenAI
) -> None:
    assert [model.id async for model in client.models.list()] == ["assistant"]
    talk: Any = [{"role": "user", "content": SUM}]
    whole = await client.chat.completions.create(model="assistant", messages=talk)
    answer = whole.choices[0].message.content or ""
    assert "42" in answer and whole.choices[0].finish_reason == "stop"
    assert stack.sql("SELECT status FROM chat_call WHERE name = 'calculator'") == [("succeeded",)]
    stream = await client.chat.completions.create(model="assistant", messages=talk, stream=True)
    streamed = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert "42" in streamed
    talk += [{"role": "assistant", "content": answer}, {"role": "user", "content": "And 2 * 3?"}]
    more = await client.chat.completions.create(model="assistant", messages=talk)
    assert "6" in (more.choices[0].message.content or "")
    # The talk that went on is one conversation, and the stream another.
    assert stack.sql("SELECT count(*) FROM chat_conversation WHERE entrance = 'openai'") == [(2,)]


async def test_the_python_sdk_reads_responses_and_their_streams(client: openai.AsyncOpenAI) -> None:
    first = await client.responses.create(model="assistant", input=SUM)
    assert "42" in first.output_text and first.status == "completed"
    async with client.responses.stream(
        model="assistant", input="And 2 * 3?", previous_response_id=first.id
    ) as stream:
        async for _ in stream:
            pass
        second = await stream.get_final_response()
    assert "6" in second.output_text and second.previous_response_id == first.id
    assert (await client.responses.retrieve(second.id)).output_text == second.output_text


async def test_what_is_refused_is_the_sdks_own_error(stack: Stack, client: openai.AsyncOpenAI) -> None:
    talk: Any = [{"role": "user", "content": "Hi"}]
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="nobody", messages=talk)
    with pytest.raises(openai.BadRequestError, match="tools"):
        await client.chat.completions.create(
            model="assistant",
            messages=talk,
            tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        )
    other = client.with_options(api_key="holdfast_wrong")
    with pytest.raises(openai.AuthenticationError, match="Send a token"):
        await other.models.list()


@pytest.mark.exhaustive
async def test_R4_W5_a_worker_and_the_web_server_are_killed_and_the_client_gets_one_answer(
    stack: Stack, client: openai.AsyncOpenAI
) -> None:
    """The SDK tries again by itself when its link breaks, and finds the run that goes on."""
    talk: Any = [{"role": "user", "content": SLOW}]
    patient = client.with_options(max_retries=10)
    key = {"Idempotency-Key": "lighthouses"}
    waiting = asyncio.create_task(
        patient.chat.completions.create(model="assistant", messages=talk, extra_headers=key)
    )
    running = "SELECT 1 FROM chat_call WHERE name = 'slow_research' AND status = 'running'"
    await eventually(lambda: stack.sql(running), 30, "the research to run")
    stack.process("worker").kill()
    stack.process("web").kill()
    stack.start("web")
    stack.start("worker")
    answer = (await waiting).choices[0].message.content
    again = await client.chat.completions.create(model="assistant", messages=talk, extra_headers=key)
    assert answer and again.choices[0].message.content == answer
    runs = "SELECT count(*) FROM chat_run r JOIN chat_message m ON m.message = r.cause WHERE m.body LIKE ?"
    assert stack.sql(runs, "%lighthouses%") == [(1,)]


async def test_the_typescript_sdk_is_told_the_same(stack: Stack, token: str) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": f"{stack.address}/v1",
        "OPENAI_API_KEY": token,
        "NO_PROXY": "127.0.0.1",
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        "scripts/openai_witness.mjs",
        SUM,
        cwd=ROOT / "frontend",
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problems = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, problems.decode()
    told = json.loads(out)
    assert told["models"] == ["assistant"] and told["finish"] == "stop"
    for name in ("whole", "streamed", "again", "first", "second"):
        assert "42" in told[name], (name, told)
    assert told["streamed"] == told["again"] and told["previous"]
    assert told["refusal"] == {"kind": "NotFoundError", "status": 404, "code": "model_not_found"}
