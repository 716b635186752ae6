"""Limits of an account. Those of a minute are waited for, when the provider says how long; an empty account is not."""

from agents.refusals.wording import Wording

#: A quota of the day, or of nothing at all. Gemini says "retry in 20 s" here, too; it does not help.
PER_DAY = (
    Wording(
        r"\w*perday\w*",
        "You exceeded your current quota, please check your plan and billing details. quotaId: "
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        "https://github.com/google-gemini/gemini-cli/issues/8437",
        429,
    ),
    Wording(
        r"quota exceeded for metric: \S+, limit: 0\b",
        "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: "
        "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: gemini-2.5-pro Please "
        "retry in 20.04466179s.",
        "https://github.com/continuedev/continue/issues/10062",
        429,
    ),
    Wording(
        r"quota_exceeded",
        "quota_exceeded",
        "https://ai.google.dev/gemini-api/docs/api-errors",
        429,
    ),
    Wording(
        r"今日调用次数限额",
        "该 API 已达今日调用次数限额,如有更多需求,请联系客服购买",
        "https://docs.bigmodel.cn/cn/api/api-code",
        429,
    ),
)

PER_MINUTE = (
    # The first words are those of an empty account; only the quota's name, or the time, tells it from one.
    Wording(
        r"perminute|requests_per_minute|(requests|tokens) per minute|per minute for a region",
        '{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing '
        "details. For "
        'more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.","status":'
        '"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateContentInputTokensPerModelPerMinute-FreeTier",'
        '"quotaValue":"250000"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}}',
        "https://github.com/RooCodeInc/Roo-Code/issues/3883",
        429,
    ),
    Wording(
        r"\"?retrydelay\"?.{0,4}\d|please retry in [\d.]+s",
        "You exceeded your current quota, please check your plan and billing details. Please retry in 16.614023621s.",
        "https://github.com/continuedev/continue/issues/9662",
        429,
    ),
    Wording(
        r"rate limit reached for .{1,120}(per min|per day|rpm|tpm|rpd)",
        "Rate limit reached for gpt-4.1 in organization org-x on tokens per min (TPM): Limit 30000, Used 18928, "
        "Requested "
        "11159. Please try again in 174ms. Visit https://platform.openai.com/account/rate-limits to learn more.",
        "https://github.com/continuedev/continue/issues/11472",
        429,
    ),
    Wording(
        r"would exceed (the rate limit for your organization|your account's rate limit)",
        "This request would exceed the rate limit for your organization of 20,000 input tokens per minute. For "
        "details, "
        "refer to: https://docs.anthropic.com/en/api/rate-limits. Please reduce the prompt length or the maximum "
        "tokens "
        "requested, or try again later.",
        "https://github.com/OpenHands/OpenHands/issues/9259",
        429,
    ),
    Wording(
        r"rate_limit_reached_error|request reached .{0,80}(max|rate limit)",
        "Your account org-x request reached organization max RPM: 3, please try again after 1 seconds",
        "https://github.com/MoonshotAI/Kimi-K2/issues/34",
        429,
    ),
    Wording(
        r"请您控制请求频率|当前访问量过大|并发数过高|频率过高|触发流量限制",
        '{"error":{"code":"1302","message":"您的账户已达到速率限制，请您控制请求频率"}}',
        "https://github.com/zai-org/GLM-5/issues/78",
        429,
    ),
    Wording(
        r"请您控制请求频率|当前访问量过大|并发数过高|频率过高|触发流量限制",
        '{"error":{"code":"1305","message":"该模型当前访问量过大，请您稍后再试"}}',
        "https://github.com/zhukunpenglinyutong/jetbrains-cc-gui/issues/897",
        429,
    ),
    Wording(
        r"resource has been exhausted \(e\.g\. check quota\)",
        "Resource has been exhausted (e.g. check quota).",
        "https://github.com/tech-shrimp/gemini-balance-lite/issues/7",
        429,
    ),
)

NO_CREDIT = (
    Wording(
        r"insufficient_quota|exceeded your current quota",
        "You exceeded your current quota, please check your plan and billing details.",
        "https://github.com/microsoft/JARVIS/issues/72",
        429,
    ),
    Wording(
        r"credit balance is too low",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
        "purchase "
        "credits.",
        "https://github.com/anthropics/claude-quickstarts/issues/83",
    ),
    Wording(
        r"insufficient[_ ]balance",
        "Insufficient Balance",
        "https://github.com/continuedev/continue/issues/9942",
        402,
    ),
    Wording(
        r"insufficient[_ ]balance",
        "Your account org-x is suspended due to insufficient balance, please recharge your account or check your "
        "plan and "
        "billing details",
        "https://github.com/666ghj/BettaFish/issues/524",
        429,
    ),
    Wording(
        r"余额不足|欠费",
        "余额不足或无可用资源包,请充值。",
        "https://github.com/continuedev/continue/issues/11823",
        429,
    ),
    Wording(
        r"余额不足|欠费",
        '{"error":{"code":"1113","message":"您的账户已欠费,请充值后重试"}}',
        "https://docs.bigmodel.cn/cn/api/api-code",
        429,
    ),
    Wording(
        r"arrearage|make sure your account is in good standing",
        '{"statusCode":400,"message":"Access denied, please make sure your account is in good '
        'standing.","code":"Arrearage"}',
        "https://github.com/tencentmusic/supersonic/issues/1572",
    ),
    Wording(
        r"used all available credits|monthly spending limit",
        "Your team has either used all available credits or reached its monthly spending limit. To continue making API "
        "requests, please purchase more credits or raise your spending limit.",
        "https://github.com/continuedev/continue/issues/10373",
        429,
    ),
    Wording(
        r"requires more credits|insufficient credit|out of credits|no credits",
        "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only "
        "afford 0.",
        "https://github.com/anomalyco/opencode/issues/12219",
        402,
    ),
    Wording(
        r"insufficient_g1_credits_balance",
        '"reason": "INSUFFICIENT_G1_CREDITS_BALANCE"',
        "https://github.com/su-kaka/gcli2api/issues/416",
        429,
    ),
)
