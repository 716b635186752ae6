"""Azure OpenAI."""

from agents.providers.base import Profile, Provider

PROVIDER = Provider(
    "azure",
    profiles=(
        Profile(
            "azure",
            "Azure OpenAI",
            hosts=("openai.azure.com", "azure-api.net", "services.ai.azure.com"),
            # A deployment's name says nothing of its model; those of today see.
            vision=r"^(?!.*(gpt-3|gpt-35|o1-mini|o3-mini|embedding))",
        ),
    ),
)
