"""What a request holds is refused: words by a content filter, a picture because it cannot be read."""

from agents.refusals.wording import Wording

FILTERED = (
    Wording(
        r"triggering azure openai's content management policy|responsibleaipolicyviolation",
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please "
        "modify "
        "your prompt and retry.",
        "https://github.com/openai/openai-python/issues/331",
    ),
    Wording(
        r"prompt was flagged as potentially violating",
        '{"error":{"type":"invalid_request_error","code":"invalid_prompt","message":"Invalid prompt: your prompt was '
        'flagged as potentially violating our usage policy. Please try again with a different prompt"}}',
        "https://github.com/openai/codex/issues/7250",
    ),
    Wording(
        r"blocked by content filtering policy",
        '{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering '
        'policy"}}',
        "https://github.com/anthropics/claude-code/issues/58367",
    ),
    Wording(
        r"considered high risk",
        "{'error': {'code': 400, 'message': 'The request was rejected because it was considered high risk', 'param': "
        "'prompt', 'type': 'content_filter'}}",
        "https://github.com/MoonshotAI/kimi-cli/issues/1002",
    ),
    Wording(
        r"content exists risk",
        "{'error': {'message': 'Content Exists Risk', 'type': 'invalid_request_error', 'code': "
        "'invalid_request_error'}}",
        "https://github.com/666ghj/BettaFish/issues/108",
    ),
    Wording(
        r"data_?inspection_?failed|data may contain inappropriate content",
        "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content.",
        "https://github.com/QwenLM/qwen-code/issues/3145",
    ),
    Wording(
        r"包含不安全或敏感内容",
        '{"contentFilter":[{"level":1,"role":"user"}],"error":{"code":"1301","message":'
        '"系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语，感谢您的配合。"}}',
        "https://docs.bigmodel.cn/cn/guide/platform/securityaudit.md",
    ),
    Wording(
        r"涉及敏感内容|new_sensitive|\(1026\)",
        "1026 视频描述涉及敏感内容，请调整",
        "https://cloud.baidu.com/doc/qianfan-api/s/qmbuihv02 (MiniMax's own codes)",
    ),
    Wording(
        r"block_?reason\W{0,4}\s?(prohibited_content|safety|blocklist|spii|other)|blocked by gemini",
        "Request was blocked by Gemini: BlockedReason.PROHIBITED_CONTENT",
        "https://github.com/machinewrapped/llm-subtrans/issues/292",
    ),
    Wording(
        r"\"?(code|type)\"?'?: ?[\"']?content_(filter|policy_violation)",
        '{"error": {"message": "…", "type": null, "param": "prompt", "code": "content_filter", "status": 400}}',
        "https://github.com/stanford-crfm/helm/pull/3327",
    ),
)

IMAGE = (
    Wording(
        r"could not process image",
        '{"type":"error","error":{"type":"invalid_request_error","message":"Could not process image"}}',
        "https://github.com/anthropics/claude-code/issues/1747",
    ),
    Wording(
        r"image dimensions exceed|image\.source\.base64",
        "messages.7.content.2.image.source.base64.data: At least one of the image dimensions exceed max allowed "
        "size: 8000 "
        "pixels",
        "https://github.com/anthropics/claude-code/issues/5147",
    ),
    Wording(
        r"unsupported image|invalid_image_format",
        "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', "
        "'jpeg', "
        "'gif', 'webp'].",
        "https://github.com/STranslate/STranslate/issues/277",
    ),
    Wording(
        r"does not represent a valid image",
        "The image data you provided does not represent a valid image. Please check your input and try again with "
        "one of "
        "the supported image formats",
        "https://github.com/acoyfellow/my-ax/issues/68",
    ),
    Wording(
        r"unable to process input image",
        "Unable to process input image. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
        "https://github.com/google-gemini/gemini-cli/issues/5064",
    ),
    Wording(
        r"provided image is not valid",
        "{'error': {'code': 400, 'message': 'Provided image is not valid', 'status': 'INVALID_ARGUMENT'}}",
        "https://github.com/AmberSahdev/Open-Interface/issues/64",
    ),
    Wording(
        r"inline_data\.data.{0,80}base64 decoding failed",
        "Invalid value at 'contents[0].parts[2].inline_data.data' (TYPE_BYTES), Base64 decoding failed",
        "https://github.com/musistudio/claude-code-router/issues/845",
    ),
)
