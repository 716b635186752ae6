"""A provider that does not exist: an OpenAI-compatible API with a few habits of its own."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "acme",
    profiles=(
        Profile(
            "acme",
            "Acme",
            hosts=("api.acme.example",),
            models=r"^acme-",
            vision=r"^acme-eye",
            # Its chat template wants the assistant to have spoken between a tool's result and the user.
            bridge=True,
            # `stream_options` is an unknown field there.
            include_usage=False,
        ),
    ),
    windows=(Window(r"^acme-small", 16_000), Window(r"^acme-", 128_000)),
    # Its words for a call without a result, which OpenAI says as E3 (docs/providers.md).
    refusals=(Refusal("E3", (r"every tool request deserves a reply",)),),
)
