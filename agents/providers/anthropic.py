"""Anthropic, by its own API and by its OpenAI-compatible one."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "anthropic",
    profiles=(
        Profile(
            "anthropic",
            "Anthropic (OpenAI-compatible)",
            hosts=("api.anthropic.com",),
            models=r"^(anthropic[/.])?claude",
            tools_with_calls=True,
        ),
        Profile("anthropic-messages", "Anthropic Messages", dialect="anthropic", thinks=True),
        # For other servers that speak the same API, which may not know every one of its fields.
        Profile(
            "anthropic-messages-plain", "Anthropic Messages, thinking not asked for", dialect="anthropic"
        ),
    ),
    windows=(Window(r"^claude", 200_000),),
    refusals=(
        Refusal(
            "E13", (r"tool_use. ids were found without .?tool_result", r"tool_use ids were found without")
        ),
        Refusal("E14", (r"unexpected .?tool_use_id.? found in .?tool_result",)),
        Refusal(
            "E15",
            (
                r"each tool_use must have a single result",
                r"multiple .?tool_result.? blocks with id",
            ),
        ),
        Refusal("E16", (r"\^\[a-za-z0-9_-\]\+\$",)),
        Refusal("E17", (r"text content blocks must be non-empty",)),
        Refusal(
            "E18",
            (
                r"invalid .?signature.? in .?thinking",
                r"each thinking block must contain thinking",
            ),
        ),
    ),
)
