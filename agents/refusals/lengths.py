"""The request is too long: for the model's window, or for what one minute allows."""

from agents.refusals.wording import Wording

TOO_LONG = (
    # Of all that a minute allows, one request wants more: to wait helps nobody, to send less does.
    Wording(
        r"request too large for",
        "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 31538. The "
        "input or output tokens must be reduced in order to run successfully.",
        "https://github.com/TheR1D/shell_gpt/issues/653",
        429,
    ),
    Wording(
        r"please reduce your message size",
        "Request too large for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on "
        "tokens "
        "per minute (TPM): Limit 6000, Requested 14810, please reduce your message size and try again.",
        "https://github.com/ITSpecialist111/ai_automation_suggester/issues/61",
        413,
    ),
    Wording(
        r"maximum context length",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 140004 tokens. "
        "Please "
        "reduce the length of the messages.",
        "https://github.com/langgenius/dify/issues/17778",
    ),
    Wording(
        r"maximum context length",
        "This endpoint's maximum context length is 32768 tokens. However, you requested about 42832 tokens (42832 of "
        "text "
        'input). Please reduce the length of either one, or use the "middle-out" transform to compress your prompt.',
        "https://github.com/refly-ai/refly/issues/1177",
    ),
    Wording(
        r"maximum context length",
        "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 65536 "
        "tokens "
        "and your request has 57879 input tokens (8192 > 65536 - 57879).",
        "https://github.com/HasanAldhahi/cross-precision-llm-deployment-biomni (biomni/agent/SUMMARIZATION_FIX.md)",
    ),
    Wording(
        r"exceeds the context window|context_length_exceeded",
        '{"type":"invalid_request_error","code":"context_length_exceeded","message":"Your input exceeds the context '
        "window "
        'of this model. Please adjust your input and try again.","param":"input"}',
        "https://github.com/anomalyco/opencode/issues/6071",
        0,
    ),
    Wording(
        r"reduce the length of the messages",
        '{"message": "Please reduce the length of the messages or completion.", "type": "invalid_request_error", '
        '"param": '
        '"messages"}',
        "https://github.com/OpenHands/OpenHands/issues/1902",
    ),
    Wording(
        r"prompt is too long",
        "prompt is too long: 227255 tokens > 200000 maximum",
        "https://github.com/aaif-goose/goose/pull/7504",
    ),
    Wording(
        r"exceed context limit",
        "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input length or "
        "`max_tokens` "
        "and try again",
        "https://github.com/continuedev/continue/issues/6080",
    ),
    Wording(
        r"request_too_large|request exceeds the maximum (allowed )?(size|number of bytes)",
        "request_too_large: Request exceeds the maximum size",
        "https://github.com/None9527/NGOClaw (gateway/internal/domain/service/overflow_detect.go)",
        413,
    ),
    Wording(
        r"input is too long",
        "The model returned the following errors: Input is too long for requested model.",
        "https://github.com/continuedev/continue/issues/9592",
    ),
    Wording(
        r"input token count .{0,20}exceeds the maximum number of tokens",
        "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
        "https://github.com/google-gemini/gemini-cli/issues/6678",
    ),
    Wording(
        r"exceeded model token limit",
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 287431)",
        "https://github.com/BigPizzaV3/CodexPlusPlus/issues/1803",
    ),
    Wording(
        r"model max length exceeded",
        "model max length exceeded, max length:8192",
        "https://github.com/MoonshotAI/MoonshotAI-Cookbook/issues/18",
    ),
    Wording(
        r"input token length too long",
        "Input token length too long",
        "https://platform.kimi.com/docs/api/errors",
    ),
    Wording(
        r"total message size \d+ exceeds limit",
        "total message size 2100954 exceeds limit 2097152",
        "https://github.com/MoonshotAI/kimi-code/issues/1862",
    ),
    Wording(
        r"range of input length should be",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 204800]",
        "https://github.com/QwenLM/qwen-code/issues/98",
    ),
    Wording(
        r"prompt exceeds max length",
        '{"error":{"code":"1261","message":"Prompt exceeds max length"}}',
        "https://github.com/zeroclaw-labs/zeroclaw/issues/4124",
    ),
    Wording(
        r"prompt 超长",
        '{"error":{"code":"1261","message":"Prompt 超长"}}',
        "https://docs.bigmodel.cn/cn/api/api-code",
    ),
    # The number is MiniMax's for any wrong parameter (E24 without these words).
    Wording(
        r"context window exceeds limit",
        "invalid params, context window exceeds limit (2013)",
        "https://github.com/MiniMax-AI/MiniMax-M2/issues/119",
    ),
    Wording(
        r"maximum prompt length is",
        "This model's maximum prompt length is 131072 but the request contains 136973 tokens.",
        "https://github.com/cline/cline/issues/3120",
    ),
    Wording(
        r"exceeds? the available context size|exceed_context_size_error",
        '{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context '
        "size "
        'or enable context shift","type":"exceed_context_size_error","n_prompt_tokens":14429,"n_ctx":8192}}',
        "https://github.com/oobabooga/textgen/issues/7257",
    ),
    Wording(
        r"exceeds? the available context size|exceed_context_size_error",
        '{"error": {"code": 500, "message": "the request exceeds the available context size. try increasing the '
        "context "
        'size or enable context shift", "type": "exceed_context_size_error", "n_prompt_tokens": 1407, "n_ctx": 256}}',
        "https://github.com/ggml-org/llama.cpp/pull/15780",
        500,
    ),
    Wording(
        r"exceed context window of",
        "Requested tokens (85) exceed context window of 2048",
        "https://github.com/abetlen/llama-cpp-python/issues/462",
    ),
    Wording(
        r"greater than the context length",
        "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= "
        "n_ctx: "
        "4096). Try to load the model with a larger context length, or provide a shorter input.",
        "https://github.com/Gitlawb/openclaude/issues/353",
    ),
    Wording(
        r"cannot truncate prompt with n_keep",
        "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)",
        "https://github.com/anomalyco/opencode/issues/11141",
    ),
    Wording(
        r"context the overflows",
        "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context "
        "length of only 4096 tokens, which is not enough.",
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/237",
    ),
    Wording(
        r"too long to fit into the model",
        "The prompt (total length 25938) is too long to fit into the model (context length 4096).",
        "https://github.com/vllm-project/vllm/issues/12165",
    ),
    Wording(
        r"input length exceeds the context length",
        "the input length exceeds the context length",
        "https://github.com/ITSpecialist111/ai_automation_suggester/issues/37 (the same in Ollama's log)",
    ),
    Wording(
        r"too many (input )?tokens",
        "too many tokens: total number of tokens (prompt and prediction) cannot exceed 2048 - received 6354.",
        "https://github.com/cohere-ai/sandbox-topically/issues/4",
    ),
    Wording(
        r"prompt tokens limit exceeded",
        "Prompt tokens limit exceeded: 230799 > 91442. To increase, visit https://openrouter.ai/settings/keys",
        "https://github.com/anomalyco/opencode/issues/12219",
    ),
)
