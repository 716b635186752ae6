"""Mistral: the current API, and models whose tokenizer takes no text beside calls, there and self-hosted."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "mistral",
    profiles=(
        Profile(
            "mistral-v3",
            "Mistral, older models (tokenizer v3)",
            hosts=("api.mistral.ai",),
            models=r"^((open-)?mixtral|open-mi[sx]tral-(7b|8x)|mistral-7b)",
            by_name=False,
            text_beside_calls=False,
            include_usage=False,
            vision="",
            family="mistral",
        ),
        Profile(
            "mistral",
            "Mistral",
            hosts=("api.mistral.ai",),
            models=r"^((open-)?mi[sx]tral|codestral|devstral|magistral|ministral|pixtral)",
            by_name=False,
            include_usage=False,  # Usage comes unasked in the last chunk; the option is refused as unknown.
            family="mistral",
        ),
        Profile(
            "mistral-v3-template",
            "Mistral, older models, self-hosted",
            models=r"^(mixtral-8x22b|mistral-7b-(instruct-)?v0\.3|mathstral|codestral-22b)",
            text_beside_calls=False,
            vision="",
            family="mistral",
        ),
    ),
    windows=(
        Window(r"^(open-)?mixtral-8x22b", 64_000),
        Window(r"^(open-)?(mistral-7b|mixtral)|^mistral-tiny", 32_000),
        Window(
            r"^(mistral-(large|medium|small)|ministral|pixtral|devstral|open-mistral-nemo)",
            32_000,
        ),
        Window(r"^(codestral|magistral)", 32_000),
    ),
    refusals=(
        Refusal("E10", (r"tool call id was .* but must be",)),
        Refusal(
            "E11",
            (
                r"not the same number of function calls and responses",
                r"unexpected tool call id .* in tool results",
                r"duplicate tool call id",
            ),
        ),
        Refusal(
            "E12",
            (
                r"unexpected role '\w+' after role '\w+'",
                r"invalid_request_message_order",
                r"expected last role",
            ),
        ),
    ),
)
