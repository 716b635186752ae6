"""Why a response ended, over all providers: their words as a handful of kinds.

The word itself is kept as it came (`StepFinished.finish`); what is decided hangs on its kind. Sources are the
providers' references and, where those are silent, public issues; a word that is on no list is `other`.
"""

from typing import Literal

#: `whole`: it said all it wanted to. `calls`: it wants tools. `length`: the limit of tokens. `content_filter`: a filter
#: held (the rest of) it back. `interrupted`: the provider broke off. `other`: a word of its own.
Kind = Literal["whole", "calls", "length", "content_filter", "interrupted", "other"]

_WORDS: dict[Kind, tuple[str, ...]] = {
    "whole": ("", "stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed", "done",
              "finish_reason_unspecified", "unknown", "pause_turn"),
    "calls": ("tool_calls", "tool_call", "function_call", "function_calls", "tool_use"),
    # Mistral: model_length; Anthropic: max_tokens, model_context_window_exceeded; Cohere: ERROR_LIMIT.
    "length": ("length", "max_tokens", "max_output_tokens", "max_length", "max_completion_tokens", "model_length",
               "model_context_window_exceeded", "error_limit", "token_limit"),
    # GLM: sensitive; Anthropic: refusal; Gemini: safety and what follows; Bedrock: guardrail_intervened.
    "content_filter": ("content_filter", "content_filtered", "sensitive", "refusal", "safety", "recitation",
                       "blocklist", "prohibited_content", "spii", "image_safety", "language",
                       "guardrail_intervened", "error_toxic"),
    # DeepSeek: insufficient_system_resource; GLM: network_error; vLLM and SGLang: abort; OpenRouter: error.
    "interrupted": ("error", "abort", "aborted", "cancelled", "canceled", "network_error", "timeout", "failed",
                    "insufficient_system_resource", "internal_error", "user_cancel"),
}  # fmt: skip
_KINDS: dict[str, Kind] = {word: kind for kind, words in _WORDS.items() for word in words}


def kind_of(reason: str) -> Kind:
    """The kind of a provider's word; an empty one is `whole`: the end was marked, and nothing was said against it.

    >>> kind_of("MAX_TOKENS"), kind_of("end_turn"), kind_of("function_call_filter: MALFORMED_FUNCTION_CALL")
    ('length', 'whole', 'other')
    """
    return _KINDS.get(reason.strip().lower(), "other")
