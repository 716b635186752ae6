"""Moonshot's Kimi: plain, thinking, and the template of a K2 on a server of one's own."""

from agents.providers.base import Profile, Provider, Refusal, Window

_HOSTS = ("moonshot.cn", "moonshot.ai", "api.kimi.com")

PROVIDER = Provider(
    "kimi",
    profiles=(
        Profile(
            "kimi-thinking",
            "Moonshot Kimi, thinking",
            hosts=_HOSTS,
            models=r"kimi.*(think|k2\.[5-9]|k[3-9])|kimi-(latest|for-coding)",
            reasoning="calls",
            replays_reasoning=True,
            family="kimi",
        ),
        Profile("kimi", "Moonshot Kimi", hosts=_HOSTS, models=r"moonshot|kimi", family="kimi"),
        Profile(
            "kimi-template",
            "Kimi K2, self-hosted",
            models=r"^kimi-k2",
            templates=r"tool_calls_section_begin",
            ids="kimi",
            family="kimi",
        ),
    ),
    windows=(
        Window(r"^moonshot-v1-8k", 8_192),
        Window(r"^moonshot-v1-32k", 32_768),
        Window(r"^moonshot-v1|^kimi", 128_000),
    ),
    refusals=(
        Refusal("E8", (r"tool_call_id .*is not found", r"tool_call_id +is not found")),
        Refusal(
            "E19",
            (
                r"the message at position \d+ with role 'assistant' must not be empty",
                r"text content is empty",
            ),
        ),
        Refusal("E28", (r"thinking is enabled but reasoning_content is missing",)),
    ),
)
