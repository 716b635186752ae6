"""OpenAI, by both of its APIs. The words of its refusals are those of every server that was written after it."""

from agents.providers.base import SEEING, Profile, Provider, Refusal, Window

_SEEING = r"^(gpt-(4o|4\.\d|4-turbo|[5-9])|o[1-9]($|-(?!mini))|o4|chatgpt|codex)|" + SEEING

PROVIDER = Provider(
    "openai",
    profiles=(
        Profile("openai-chat", "OpenAI Chat Completions", hosts=("api.openai.com",), vision=_SEEING),
        Profile(
            "openai-responses",
            "OpenAI Responses",
            dialect="responses",
            encrypts=r"^(o\d|gpt-([5-9]|oss)|codex|computer-use)",
            vision=_SEEING,
        ),
    ),
    windows=(
        Window(r"^gpt-5", 272_000),
        Window(r"^gpt-4\.1", 1_000_000),
        Window(r"^gpt-4(o|-turbo|-1106|-0125)|^chatgpt-4o", 128_000),
        Window(r"^gpt-4-32k", 32_768),
        Window(r"^gpt-4", 8_192),
        Window(r"^gpt-3\.5-turbo-instruct", 4_096),
        Window(r"^gpt-3\.5", 16_385),
        Window(r"^gpt-oss", 131_072),
        Window(r"^o1-(mini|preview)", 128_000),
        Window(r"^o[134](-|$)", 200_000),
    ),
    refusals=(
        Refusal("E1", (r"no tool call found for function call output",)),
        Refusal("E2", (r"no tool output found for function call",)),
        # DeepSeek says the same and a little more, which is E4.
        Refusal(
            "E3",
            (
                r"must be followed by tool messages responding to each(?!.*insufficient tool messages)",
                r"tool_call_ids did not have response",
            ),
        ),
        Refusal(
            "E5",
            (r"""messages with role ["']tool["'] must be a response to a prece?eding message""",),
        ),
        Refusal("E6", (r"duplicate value for 'tool_call_id'",)),
        Refusal("E7", (r"duplicate item found with id", r"duplicate 'call_id'")),
        Refusal(
            "E9",
            (
                r"string too long\. expected a string with maximum length (40|64)",
                r"string_above_max_length",
            ),
        ),
        Refusal("E20", (r"invalid value for 'content': expected a string, got null",)),
        Refusal(
            "E26",
            (
                r"without its required 'reasoning' item",
                r"'reasoning' was provided without its required following",
            ),
        ),
        Refusal("E27", (r"expected an id that begins with",)),
    ),
)
