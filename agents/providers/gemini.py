"""Google's Gemini, by its own API and by its OpenAI-compatible one."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "gemini",
    profiles=(
        Profile(
            "gemini",
            "Gemini (OpenAI-compatible)",
            hosts=("generativelanguage.googleapis.com", "aiplatform.googleapis.com"),
            models=r"^(google/)?gemini",
            signatures=True,
        ),
        Profile("gemini-native", "Gemini generateContent", dialect="gemini", signatures=True, thinks=True),
    ),
    windows=(
        Window(r"^gemini-[2-9]|^gemini-1\.5", 1_000_000),
        Window(r"^gemini-1\.0|^gemini-pro", 30_720),
    ),
    refusals=(
        Refusal(
            "E30",
            (
                r"function call turn comes immediately after a user turn",
                r"number of function response parts",
            ),
        ),
        Refusal("E31", (r"missing a .?thought_signature",)),
    ),
)
