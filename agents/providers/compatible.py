"""Any server that speaks the Chat Completions API: what is not known to be one provider's own.

Here stand the words that gateways and many servers use alike.
"""

from agents.providers.base import Profile, Provider, Refusal

PROVIDER = Provider(
    "compatible",
    profiles=(Profile("compatible", "Any OpenAI-compatible server"),),
    refusals=(
        Refusal(
            "images",
            (
                r"image_url.{0,60}(only|not) (be )?supported",
                r"unknown variant .?image_url",
                r"(does not|doesn't|not) support.{0,20}(image|vision|multimodal)",
                r"no endpoints found that support image input",
                r"is not a multimodal model",
                r"missing data required for image input",
            ),
        ),
    ),
)
