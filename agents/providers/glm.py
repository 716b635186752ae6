"""Zhipu's GLM (bigmodel.cn, Z.ai)."""

from agents.providers.base import Profile, Provider, Refusal, Window

PROVIDER = Provider(
    "glm",
    profiles=(
        Profile("glm", "GLM (Zhipu, Z.ai)", hosts=("bigmodel.cn", "api.z.ai"), models=r"^(glm|chatglm)"),
    ),
    windows=(
        Window(r"^glm-4\.[5-9]|^glm-[5-9]|^glm-4-(plus|air|flash)", 128_000),
        Window(r"^glm-4v", 2_000),
        Window(r"^glm", 128_000),
    ),
    refusals=(Refusal("E25", (r"messages 参数非法", r"the messages parameter is illegal")),),
)
