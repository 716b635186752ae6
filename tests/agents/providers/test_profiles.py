"""Profiles: which one an agent gets."""

import pytest

from agents.profiles import all_profiles, choose, get, guess


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
        ("http://10.0.0.3:8000/v1", "mistralai/Mistral-Small", "mistral"),
        ("http://10.0.0.3:8000/v1", "my-model", "openai-chat"),
        ("http://notopenai.com.evil.example/v1", "x", "openai-chat"),
        ("not an address", "x", "openai-chat"),
        ("http://host:99999999/v1", "x", "openai-chat"),
        ("", "", "openai-chat"),
    ],
)
def test_it_is_guessed_from_the_address_and_the_model(address: str, model: str, name: str) -> None:
    assert guess(address, model).name == name


def test_an_agent_may_choose() -> None:
    assert choose("qwen", "https://api.openai.com/v1", "gpt-5").name == "qwen"
    with pytest.raises(KeyError, match="the profiles are: anthropic"):
        get("openai")


def test_names_and_titles_are_unique() -> None:
    assert len({profile.title for profile in all_profiles().values()}) == len(all_profiles())
