"""A template, or a server, does not take this form at all. What helps is known for some; the rest is tried in order.

`make templates` and `make servers` find more of them; a wording that is not here is rescued as well, a try later.
"""

from agents.refusals.wording import Wording

REFUSED = (
    Wording(
        r"does not support tools|tool use is not supported|no endpoints found that support tool use",
        '{"error":{"message":"registry.ollama.ai/library/gemma3:4b does not support tools","type":"api_error"}}',
        "https://github.com/louisho5/picobot/issues/6",
        helps="no_tools",
    ),
    Wording(
        r"system role (is )?not supported|invalid message role: system",
        '{"object":"error","message":"System role not supported","type":"BadRequestError","param":null,"code":400}',
        "https://github.com/vllm-project/vllm/pull/2964",
        helps="no_system",
    ),
    Wording(
        r"system role (is )?not supported|invalid message role: system",
        "invalid params, chat content has invalid message role: system (2013)",
        "https://github.com/BigPizzaV3/CodexPlusPlus/issues/267",
        helps="no_system",
    ),
    Wording(
        r"only supports single tool-calls at once",
        "This model only supports single tool-calls at once!",
        "https://github.com/vllm-project/vllm/issues/25108",
        helps="one_call",
    ),
    Wording(
        r"conversation roles must alternate",
        "Template error: syntax error: Conversation roles must alternate user/assistant/user/assistant/",
        "https://github.com/huggingface/text-generation-inference/issues/3198",
        422,
        helps="alternating",
    ),
    Wording(
        r"conversation roles must alternate",
        "Error: Jinja Exception: After the optional system message, conversation roles must alternate user and "
        "assistant "
        "roles except for tool calls and results.",
        "https://github.com/ggml-org/llama.cpp/issues/19851",
        500,
        helps="alternating",
    ),
    # What names a template is a refusal of form, with whatever status it comes.
    Wording(
        r"jinja|chat[ _]template|raise_exception|parser for this template|template error|templateerror",
        "Unable to generate parser for this template. Automatic parser generation failed: … Jinja Exception: …",
        "https://github.com/ggml-org/llama.cpp/issues/21879",
        500,
    ),
    Wording(
        r"extra_forbidden.{0,120}'(tools|tool_choice)'",
        "[{'type': 'extra_forbidden', 'loc': ('body', 'tools'), 'msg': 'Extra inputs are not permitted'}]",
        "https://github.com/vllm-project/vllm/issues/6631",
        helps="no_tools",
    ),
)
