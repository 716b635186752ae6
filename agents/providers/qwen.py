"""Alibaba's Qwen (DashScope)."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "qwen",
    profiles=(
        Profile(
            "qwen",
            "Qwen (DashScope)",
            hosts=("aliyuncs.com",),
            models=r"^(qwen|qwq|qvq)",
            # Without it some of its models repeat in each chunk all that came before.
            stream_fields=(("incremental_output", True),),
        ),
    ),
    windows=(
        Window(r"^qwen-(plus|turbo|flash)|^qwen3-(max|coder|next)|^qwen-long", 128_000),
        Window(r"^qwen|^qwq|^qvq", 32_000),
    ),
    refusals=(Refusal("E21", (r"function\.arguments.* must be in json format",)),),
)
