"""A provider is asked for its models: what it may answer, where it may be, how long it may take."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpcore
import pytest

from agents.serving.listing import CannotList, Listed, list_models, read
from tests.support.provider import Provider, Reply, json_reply

PUBLIC = "93.184.216.34"


class Names:
    """A resolver with invented names, and a dialer that takes their public addresses to a server on loopback."""

    def __init__(self, found: dict[str, list[str]], port: int = 0) -> None:
        self.found, self.port = found, port
        self.dialled: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        if host not in self.found:
            raise OSError("unknown")
        return self.found[host]

    async def connect_tcp(self, host: str, port: int, **more: Any) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self.port, timeout=2)

    async def connect_unix_socket(self, *args: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        raise AssertionError

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def port_of(provider: Provider) -> int:
    return int(provider.url.rsplit(":", 1)[1].split("/")[0])


async def ask(
    answer: Any, *, key: str = "k", dialect: str = "chat", total_s: float = 5
) -> tuple[Any, Provider, Names]:
    """What comes of asking a public server that answers so: the models, or the words of the refusal."""
    async with Provider(lambda path, body: answer, lists=True) as provider:
        names = Names({"api.example": [PUBLIC]}, port_of(provider))
        try:
            found: Any = await list_models(
                "http://api.example/v1/", key, dialect, resolver=names, dialer=names, total_s=total_s
            )
        except CannotList as problem:
            found = str(problem)
        return found, provider, names


def models(*rows: Any, of: str = "data") -> Reply:
    return json_reply(200, {"object": "list", of: list(rows)})


async def test_models_are_listed_by_name_with_the_windows_that_are_told():
    found, provider, names = await ask(
        models(
            {"id": "b"},
            {"id": "a", "max_model_len": 8_192},
            {"id": "c", "meta": {"n_ctx": 4_096}},
            {"id": "a"},
        )
    )
    assert found == [Listed("a"), Listed("b"), Listed("c", 4_096)]
    assert provider.keys == ["Bearer k"] and names.dialled == [PUBLIC]


async def test_geminis_own_list_is_read_too():
    found, _, _ = await ask(
        models({"name": "models/gemini-x", "inputTokenLimit": 1_000_000}, of="models"), dialect="gemini"
    )
    assert found == [Listed("gemini-x", 1_000_000)]


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
async def test_native_apis_carry_the_key_elsewhere(dialect: str):
    _, provider, _ = await ask(models({"id": "a"}), dialect=dialect)
    assert provider.keys == [""]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (json_reply(401, {}), "refused the key (HTTP 401)"),
        (json_reply(404, {}), "does not list its models (HTTP 404)"),
        (json_reply(302, {}, location="http://127.0.0.1/"), "does not list its models (HTTP 302)"),
        (json_reply(200, {"data": []}), "names no models"),
        (json_reply(200, {"data": "no list"}), "names no models"),
        (Reply(200, [b"<html>"]), "names no models"),
        (Reply(200, [b"x" * 1_000_000] * 5), "too large"),
        (Reply(200, [b"{"], cut=True), "broke off"),
        (Reply(200, [b"{"], hang=True), "within 0.3 seconds"),
        (Reply(200, [b" "] * 100, pause=0.05), "within 0.3 seconds"),
    ],
)
async def test_whatever_else_comes_is_said_in_a_sentence(answer: Reply, words: str):
    found, _, _ = await ask(answer, key="the-key", total_s=0.3 if "0.3" in words else 5)
    assert isinstance(found, str) and words in found and "the-key" not in found


async def test_a_key_that_is_none_is_not_sent():
    found, provider, _ = await ask(models({"id": "a"}), key="schlüssel")
    assert "letters" in found and provider.requests == []
    _, provider, _ = await ask(models({"id": "a"}), key="")
    assert provider.keys == [""]


@pytest.mark.parametrize(
    "where",
    [["127.0.0.1"], ["10.0.0.5"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], [PUBLIC, "10.0.0.5"]],
)
async def test_an_address_inside_the_network_is_not_asked(where: list[str]):
    names = Names({"inside.example": where})
    with pytest.raises(CannotList, match="HOLDFAST_PRIVATE_PROVIDERS"):
        await list_models("http://inside.example:8000/v1", "k", resolver=names, dialer=names)
    assert names.dialled == []


@pytest.mark.parametrize("named", ["HOLDFAST_PRIVATE_PROVIDERS", "OPENAI_BASE_URL", "HOLDFAST_MODEL_KEYS"])
async def test_one_that_the_environment_names_is(named: str, settings: Any):
    async with Provider(lambda path, body: models({"id": "local"}), lists=True) as provider:
        host = provider.url.split("/")[2]
        value = {"HOLDFAST_PRIVATE_PROVIDERS": [host], "OPENAI_BASE_URL": provider.url}
        setattr(settings, named, value.get(named, {provider.url: "k"}))
        assert await list_models(provider.url, "") == [Listed("local")]
        settings.HOLDFAST_PRIVATE_PROVIDERS, settings.HOLDFAST_MODEL_KEYS = ["127.0.0.1:1"], {}
        settings.OPENAI_BASE_URL = "https://api.openai.com/v1"
        with pytest.raises(CannotList, match="not on the public internet"):
            await list_models(provider.url, "")


async def test_a_name_that_nobody_knows():
    with pytest.raises(CannotList, match="There is no host named nowhere"):
        await list_models("http://nowhere.example/v1", "k", resolver=Names({}), dialer=Names({}))


def test_nothing_but_names_is_kept():
    rows = [
        1,
        None,
        {},
        {"id": 5},
        {"id": ""},
        {"id": "x" * 201},
        {"id": "a\nb"},
        {"id": "ok", "context_length": "many"},
    ]
    assert read(json.dumps(rows).encode()) == [Listed("ok")]
    assert len(read(json.dumps([{"id": f"m{n}"} for n in range(3_000)]).encode())) == 1_000
