"""Profiles: which one an agent gets."""

import pytest

from agents.profiles import all_profiles, choose, get, guess, needs_no_asking
from agents.providers.base import Served


@pytest.mark.parametrize(
    ("address", "model", "name"),
    [
        ("https://api.openai.com/v1", "gpt-5", "openai-chat"),
        ("https://me.openai.azure.com/openai/v1", "gpt-5", "azure"),
        ("https://api.anthropic.com/v1/", "claude-x", "anthropic"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini-3-pro", "gemini"),
        ("https://api.moonshot.cn/v1", "kimi-k2-thinking", "kimi-thinking"),
        ("https://api.moonshot.ai/v1", "kimi-k2.5", "kimi-thinking"),
        ("https://api.moonshot.cn/v1", "moonshot-v1-8k", "kimi"),
        ("https://api.deepseek.com", "deepseek-chat", "deepseek"),
        ("https://api.deepseek.com", "deepseek-reasoner", "deepseek-thinking"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "qwen-plus", "qwen"),
        ("https://open.bigmodel.cn/api/paas/v4", "glm-4.6", "glm"),
        ("https://api.mistral.ai/v1", "mistral-large-latest", "mistral"),
        ("https://api.mistral.ai/v1", "open-mixtral-8x7b", "mistral-v3"),
        ("https://api.minimax.io/v1", "MiniMax-M2", "minimax"),
        ("http://localhost:11434/v1", "llama3.1", "ollama"),
        ("http://localhost:11434/v1", "kimi-k2", "kimi-template"),
        ("http://10.0.0.3:8000/v1", "mistralai/Mistral-Small", "compatible"),
        ("http://10.0.0.3:8000/v1", "mistralai/Mistral-7B-Instruct-v0.3", "mistral-v3-template"),
        ("http://10.0.0.3:8000/v1", "moonshotai/Kimi-K2-Instruct", "kimi-template"),
        ("https://openrouter.ai/api/v1", "google/gemini-3-pro", "gemini"),
        ("http://10.0.0.3:8000/v1", "my-model", "compatible"),
        ("http://notopenai.com.evil.example/v1", "x", "compatible"),
        ("not an address", "x", "compatible"),
        ("http://host:99999999/v1", "x", "compatible"),
        ("", "", "compatible"),
    ],
)
def test_it_is_guessed_from_the_address_and_the_model(address: str, model: str, name: str) -> None:
    assert guess(address, model).name == name


K2 = "<|tool_calls_section_begin|>{{ tool_call['id'] }}"


@pytest.mark.parametrize(
    ("model", "served", "name"),
    [
        ("ours", Served("vllm", "mistralai/Mistral-Nemo-Instruct-2407"), "vllm"),
        ("ours", Served("vllm", "moonshotai/Kimi-K2-Instruct"), "kimi-template"),
        ("ours", Served("llama.cpp", "model.gguf", K2), "kimi-template"),
        ("ours", Served("llama.cpp", "model.gguf", "{{ messages }}"), "llama.cpp"),
        ("ours", Served("", "ours"), "compatible"),
        ("claude-x", Served("", "claude-x"), "anthropic"),
    ],
)
def test_a_server_of_ones_own_tells_more(model: str, served: Served, name: str) -> None:
    """The model decides the rules, and the server only what the model leaves open."""
    assert guess("http://10.0.0.3:8000/v1", model, served).name == name


def test_what_a_provider_serves_is_not_asked_of_it() -> None:
    assert guess("https://api.openai.com/v1", "x", Served("vllm", "kimi-k2")).name == "openai-chat"
    assert needs_no_asking("https://api.openai.com/v1", "x")
    assert needs_no_asking("http://10.0.0.3:8000/v1", "kimi-k2")
    assert not needs_no_asking("http://10.0.0.3:8000/v1", "ours")


def test_V8_V11_no_profile_is_laxer_than_the_guess() -> None:
    """Whoever chooses a profile by hand may have any template behind the address."""
    for profile in all_profiles().values():
        assert profile.bridge and profile.alternates, profile.name


def test_an_agent_may_choose() -> None:
    assert choose("qwen", "https://api.openai.com/v1", "gpt-5").name == "qwen"
    with pytest.raises(KeyError, match="the profiles are: anthropic"):
        get("openai")


def test_names_and_titles_are_unique() -> None:
    assert len({profile.title for profile in all_profiles().values()}) == len(all_profiles())
