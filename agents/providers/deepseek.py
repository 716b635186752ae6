"""DeepSeek: plain and thinking."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "deepseek",
    profiles=(
        Profile(
            "deepseek-thinking",
            "DeepSeek, thinking",
            hosts=("api.deepseek.com",),
            models=r"deepseek.*(reasoner|think|v[4-9])",
            vision="",
            reasoning="all",
            replays_reasoning=True,
            family="deepseek",
        ),
        Profile(
            "deepseek",
            "DeepSeek",
            hosts=("api.deepseek.com",),
            models=r"deepseek",
            vision="",
            family="deepseek",
        ),
    ),
    windows=(Window(r"^deepseek", 64_000),),
    refusals=(
        Refusal("E4", (r"insufficient tool messages following tool_calls",)),
        Refusal(
            "E29",
            (
                r"reasoning_content.? in the thinking mode must be passed back",
                r"missing .?reasoning_content.? field",
            ),
        ),
    ),
)
