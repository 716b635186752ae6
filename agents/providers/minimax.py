"""MiniMax."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "minimax",
    profiles=(
        Profile(
            "minimax",
            "MiniMax",
            hosts=("api.minimax.chat", "api.minimax.io", "api.minimaxi.com"),
            models=r"^(minimax|abab)",
        ),
    ),
    windows=(Window(r"^minimax|^abab", 200_000),),
    refusals=(
        Refusal(
            "E24",
            (
                r"tool call result does not follow tool call",
                r"tool result's tool id.* not found",
                r"invalid function arguments json string",
                r"invalid params.*\(2013\)",
            ),
        ),
    ),
)
