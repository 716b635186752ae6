"""What a server of one's own tells of itself, over real HTTP, as vLLM, llama.cpp and Ollama answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.dialects import serving
from agents.dialects.http import close_clients
from agents.dialects.serving import read_models, read_template, what_is_served
from agents.providers.base import Served
from tests.support.provider import Json, Provider, Reply, json_reply

VLLM: Json = {
    "object": "list",
    "data": [{"id": "ours", "owned_by": "vllm", "root": "mistralai/Mistral-Nemo-Instruct-2407", "max_model_len": 8}],
}  # fmt: skip
LLAMA: Json = {
    "models": [{"name": "tiny.gguf"}],
    "data": [{"id": "tiny.gguf", "owned_by": "llamacpp", "meta": {}}],
}
OLLAMA: Json = {"data": [{"id": "a:7b", "owned_by": "library"}, {"id": "b:7b", "owned_by": "library"}]}


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


@pytest.mark.parametrize(
    ("listing", "model", "served"),
    [
        (VLLM, "ours", Served("vllm", "mistralai/Mistral-Nemo-Instruct-2407")),
        (VLLM, "another name", Served("vllm", "mistralai/Mistral-Nemo-Instruct-2407")),
        (OLLAMA, "b:7b", Served("ollama", "b:7b")),
        (OLLAMA, "c:7b", None),
        ({"data": [{"id": "x"}]}, "x", Served("", "x")),
        *((other, "x", None) for other in (None, [], "", {}, {"data": 5}, {"data": [5]}, {"data": [{}, {}]})),
    ],
)
def test_a_list_of_models_is_read_whatever_it_is(listing: Any, model: str, served: Served | None) -> None:
    assert read_models(listing, model) == served


def test_a_template_is_text_or_nothing() -> None:
    assert read_template({"chat_template": "{{ messages }}"}) == "{{ messages }}"
    assert [read_template(other) for other in (None, {}, {"chat_template": None}, [])] == [""] * 4


async def test_llama_cpp_shows_its_template_and_is_asked_once() -> None:
    asked: list[str] = []

    def answer(path: str, body: Json) -> Reply:
        asked.append(path)
        return json_reply(200, LLAMA if path == "/v1/models" else {"chat_template": "{{ messages }}"})

    async with Provider(answer, lists=True) as server:
        for _ in range(3):
            served = await what_is_served(server.url, "secret", "tiny")
            assert served == Served("llama.cpp", "tiny.gguf", "{{ messages }}")
        assert server.keys == ["Bearer secret"] * 2
    assert asked == ["/v1/models", "/props"]


@pytest.mark.parametrize(
    "reply",
    [
        json_reply(404, {"error": "no such page"}),
        json_reply(500, {}),
        Reply(200, [b"<html>"], kind="text/html"),
        Reply(200, [b"{"], kind="application/json"),
        Reply(200, [b"{"], kind="application/json", cut=True),
    ],
)
async def test_a_server_that_tells_nothing_is_one_that_nothing_is_known_of(reply: Reply) -> None:
    async with Provider(lambda path, body: reply, lists=True) as server:
        assert await what_is_served(server.url, "", "m") is None


async def test_a_run_does_not_wait_for_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "TIMEOUT_S", 2.0)
    async with Provider(lambda path, body: Reply(200, hang=True), lists=True) as server:
        assert await what_is_served(server.url, "", "m") is None
        assert await what_is_served(server.url, "", "m") is None
        assert len(server.requests) == 1


async def test_nobody_at_the_address() -> None:
    assert await what_is_served("http://127.0.0.1:1/v1", "", "m") is None
