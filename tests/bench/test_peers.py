"""What `make bench PEERS=1` needs on our side; the peers themselves are not needed here, and not installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import websockets

from bench import model
from bench.peers import clients, servers
from bench.turns import Found, _rows
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import wait_until


async def asked(name: str, messages: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The chunks that the bench's model answers with."""
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"model": name, "messages": messages}).encode()}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("body", b""))

    await model.application({"type": "http"}, receive, send)
    lines = b"".join(sent).decode().split("\n\n")
    assert lines[-2] == "data: [DONE]"
    return [json.loads(line[6:])["choices"][0] for line in lines[:-2]]


async def test_the_model_asks_for_the_tool_first_and_streams_once_it_has_the_result() -> None:
    first = await asked("turn-3-1000", [{"role": "user", "content": "2 + 2?"}])
    (call,) = first[0]["delta"]["tool_calls"]
    assert call["function"]["name"] == "calculator" and first[-1]["finish_reason"] == "tool_calls"
    second = await asked("turn-3-1000", [{"role": "tool", "content": "4"}])
    assert len(second) == 4 and second[-1]["finish_reason"] == "stop"
    assert len(await asked("bench-3-1000", [{"role": "user", "content": "go"}])) == 4


async def test_a_chainlit_conversation_is_led_as_its_page_leads_it() -> None:
    """The frames of Socket.IO, a ping among them; a `task_end` that belongs to no message ends none."""
    heard: list[str] = []

    async def server(socket: websockets.ServerConnection) -> None:
        await socket.send('0{"sid":"a"}')
        heard.append(str(await socket.recv()))
        await socket.send('40{"sid":"b"}')
        heard.append(str(await socket.recv()))
        await socket.send('42["task_end"]')
        while (frame := str(await socket.recv())).startswith("42"):
            heard.append(frame)
            await socket.send("2")
            assert await socket.recv() == "3"
            for event in (
                ["task_start"],
                ["stream_token", {"token": "fo"}],
                ["stream_token", {"token": "ur"}],
            ):
                await socket.send(f"42{json.dumps(event)}")
            await socket.send('42["task_end"]')

    async with websockets.serve(server, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        async with clients.Chainlit(f"ws://127.0.0.1:{port}/") as client:
            assert [await client.turn(), await client.turn()] == ["four", "four"]
    assert heard[0].startswith('40{"clientType"') and heard[1] == '42["connection_successful"]'
    assert [json.loads(one[2:])[0] for one in heard[2:]] == ["client_message", "client_message"]


def test_processor_time_is_that_of_all_processes_below_one() -> None:
    """A child that works, and one that has worked and has ended."""
    burn = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.3: pass'"
    argv = ["sh", "-c", f"{burn}; {burn}; exec sleep 60"]
    with subprocess.Popen(argv, env=clean_environment()) as process:
        try:
            wait_until(lambda: servers._of_tree(process.pid) >= 0.5, 30, "both to have worked")
        finally:
            process.kill()


def test_the_rows_add_up_all_processes_and_name_the_others() -> None:
    found = {
        "Holdfast": [Found({"web": 5.0, "worker": 15.0}, [0.1], 0.1)],
        "bare floor": [Found({"floor": 4.0}, [0.05], 0.1)],
        "Chainlit": [Found({"server": 30.0}, [0.2], 0.2)],
    }
    cpu, times = _rows(1, found)
    assert (cpu.holdfast, cpu.baseline, cpu.ratio) == ("20 ms (5 + 15)", "4.0 ms", "5.0")
    assert cpu.peers == "Chainlit 30 ms" and times.peers == "Chainlit 200 ms, 5.0/s"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((), "bench"),
        (("PEERS=1",), "PEERS=1 .* bench"),
        (("PEERS=1", "ONLY=turns"), "PEERS=1 .* bench turns"),
    ],
)
def test_make_bench_passes_on_what_is_asked_for(given: tuple[str, ...], wanted: str) -> None:
    argv = ["make", "--dry-run", "bench", *given]
    done = subprocess.run(argv, cwd=ROOT, env=clean_environment(), capture_output=True, text=True)
    (line,) = [line for line in done.stdout.splitlines() if "-m bench" in line]
    assert re.search(rf"{wanted}\s*$", line) and ("PEERS" in line) == bool(given), line


def test_nothing_of_the_peers_is_installed_with_us() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert not re.search(r"^(chainlit|langgraph|langchain)", (ROOT / name).read_text(), re.MULTILINE)
