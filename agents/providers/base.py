"""What each provider wants, as data. One declaration per profile; no code asks for a provider's name.

An agent names its profile, or `guess` takes one from the address and the model's name. A profile that nothing
is known of is treated as OpenAI Chat with the strict ids, which every known provider takes.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

#: Models that are known to see, whoever serves them.
SEEING = (
    r"vision|\bvl\b|-vl|vl-|llava|pixtral|gemma-?3|llama-?4|minicpm-v|internvl|omni|gpt-4o|gpt-4\.1|gpt-[5-9]|claude|gemini"
    r"|glm-4\.?\d*v|mistral-(small|medium)-(3|latest|2[5-9])|kimi-k2\.[5-9]"
)


@dataclass(frozen=True)
class Profile:
    """The request rules of one provider, where they go beyond V1 to V11 (which all are held to)."""

    name: str
    #: What a person reads in the admin.
    title: str
    dialect: Literal["chat", "responses"] = "chat"
    #: Ends of host names, and patterns of model names (lower case), that `guess` knows it by.
    hosts: tuple[str, ...] = ()
    models: str = ""
    #: `ours`: nine alphanumerics (V6). `kimi`: `functions.NAME:IDX`, which the K2 chat template prints to the model.
    ids: Literal["ours", "kimi"] = "ours"
    #: Where the field `reasoning_content` must be, non-empty (V12): nowhere, on messages with calls, on all.
    reasoning: Literal["none", "calls", "all"] = "none"
    #: Reasoning text goes back to the model that wrote it, in that field (V14).
    replays_reasoning: bool = False
    #: An assistant line stands between a tool result and a user message (V8).
    bridge: bool = False
    #: Neighbouring messages of users, or of the assistant, are sent as one: many templates and some servers want
    #: the roles to alternate.
    alternates: bool = False
    #: One message may hold both text and calls; else the text goes ahead in a message of its own.
    text_beside_calls: bool = True
    #: Each block of calls carries Gemini's thought signature, its own or the documented placeholder (V14, E31).
    signatures: bool = False
    #: The request must declare tools as soon as its history holds calls.
    tools_with_calls: bool = False
    #: `stream_options.include_usage` is understood.
    include_usage: bool = True
    #: Models whose reasoning can be asked for in encrypted form; others refuse the question.
    encrypts: str = ""
    #: Replay data of one model is of use to another of the same family only if these agree.
    family: str = ""

    #: Models that can see pictures (a pattern of names in lower case); an agent may know better.
    vision: str = SEEING

    def sees(self, model: str) -> bool:
        """Whether pictures may be sent to this model."""
        return bool(self.vision) and re.search(self.vision, model.lower()) is not None

    def issuer(self, model: str) -> str:
        """Who issued what a step brought with it (rule V14): this provider and this model."""
        return f"{self.family or self.name}/{model}"


#: OpenAI's own that see, and the demo model, which describes what it got.
_OPENAI_SEEING = r"^(gpt-(4o|4\.\d|4-turbo|[5-9])|o[1-9]($|-(?!mini))|o4|chatgpt|codex|demo)|" + SEEING
OPENAI_CHAT = Profile(
    "openai-chat", "OpenAI Chat Completions", hosts=("api.openai.com",), vision=_OPENAI_SEEING
)
PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        OPENAI_CHAT,
        Profile(
            "openai-responses",
            "OpenAI Responses",
            dialect="responses",
            encrypts=r"^(o\d|gpt-([5-9]|oss)|codex|computer-use)",
            vision=_OPENAI_SEEING,
        ),
        Profile(
            "azure",
            "Azure OpenAI",
            hosts=("openai.azure.com", "azure-api.net", "services.ai.azure.com"),
            # A deployment's name says nothing of its model; those of today see.
            vision=r"^(?!.*(gpt-3|gpt-35|o1-mini|o3-mini|embedding))",
        ),
        Profile(
            "anthropic",
            "Anthropic (OpenAI-compatible)",
            hosts=("api.anthropic.com",),
            models=r"^(anthropic[/.])?claude",
            alternates=True,
            tools_with_calls=True,
        ),
        Profile(
            "gemini",
            "Gemini (OpenAI-compatible)",
            hosts=("generativelanguage.googleapis.com", "aiplatform.googleapis.com"),
            models=r"^(google/)?gemini",
            alternates=True,
            signatures=True,
        ),
        Profile(
            "kimi-thinking",
            "Moonshot Kimi, thinking",
            hosts=("moonshot.cn", "moonshot.ai", "api.kimi.com"),
            models=r"kimi.*(think|k2\.[5-9]|k[3-9])|kimi-(latest|for-coding)",
            reasoning="calls",
            replays_reasoning=True,
            family="kimi",
        ),
        Profile(
            "kimi",
            "Moonshot Kimi",
            hosts=("moonshot.cn", "moonshot.ai", "api.kimi.com"),
            models=r"moonshot|kimi",
            family="kimi",
        ),
        Profile("kimi-template", "Kimi K2, self-hosted template", ids="kimi", alternates=True, family="kimi"),
        Profile(
            "deepseek-thinking",
            "DeepSeek, thinking",
            hosts=("api.deepseek.com",),
            models=r"deepseek.*(reasoner|think|v[4-9])",
            vision="",
            reasoning="all",
            replays_reasoning=True,
            family="deepseek",
        ),
        Profile(
            "deepseek",
            "DeepSeek",
            hosts=("api.deepseek.com",),
            models=r"deepseek",
            vision="",
            family="deepseek",
        ),
        Profile("qwen", "Qwen (DashScope)", hosts=("aliyuncs.com",), models=r"^(qwen|qwq|qvq)"),
        Profile("glm", "GLM (Zhipu, Z.ai)", hosts=("bigmodel.cn", "api.z.ai"), models=r"^(glm|chatglm)"),
        Profile(
            "mistral-v3",
            "Mistral, older models (tokenizer v3)",
            hosts=("api.mistral.ai",),
            models=r"^((open-)?mixtral|open-mi[sx]tral-(7b|8x)|mistral-7b)",
            bridge=True,
            alternates=True,
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
            bridge=True,
            alternates=True,
            include_usage=False,  # Usage comes unasked in the last chunk; the option is refused as unknown.
            family="mistral",
        ),
        Profile(
            "minimax",
            "MiniMax",
            hosts=("api.minimax.chat", "api.minimax.io", "api.minimaxi.com"),
            models=r"^(minimax|abab)",
            alternates=True,
        ),
        Profile("vllm", "vLLM", alternates=True),
        Profile("ollama", "Ollama", alternates=True),
        Profile("llama.cpp", "llama.cpp", alternates=True),
    )
}

#: Ports by which local servers are known.
_PORTS = {11434: "ollama"}


def get(name: str) -> Profile:
    """The profile of this name. Raises KeyError with the names there are."""
    try:
        return PROFILES[name]
    except KeyError:
        raise KeyError(f"there is no profile {name!r}; the profiles are: {', '.join(PROFILES)}") from None


def guess(base_url: str, model: str) -> Profile:
    """The likeliest profile of an address and a model. The host decides; where one host serves several
    profiles, or none is known by the host, the model's name does."""
    address = urlsplit(base_url if "//" in base_url else f"//{base_url}")
    host = (address.hostname or "").lower()
    model = model.lower()
    at_host = [p for p in PROFILES.values() if any(_is_host(host, end) for end in p.hosts)]
    for profile in at_host:
        if len(at_host) == 1 or not profile.models or re.search(profile.models, model):
            return profile
    if at_host:
        return at_host[-1]
    try:
        local = _PORTS.get(address.port or 0)
    except ValueError:
        local = None
    if local is not None:
        return PROFILES[local]
    named = (p for p in PROFILES.values() if p.models and re.search(p.models, model.rpartition("/")[2]))
    return next(named, OPENAI_CHAT)


def choose(name: str, base_url: str, model: str) -> Profile:
    """The profile an agent asked for, or the guess if it asked for none. Raises KeyError for an unknown one."""
    return get(name) if name else guess(base_url, model)


def _is_host(host: str, end: str) -> bool:
    return host == end or host.endswith(f".{end}")
