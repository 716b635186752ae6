"""llama.cpp's server: the model's chat template decides the rules."""

from agents.providers.base import Profile, Provider, Refusal

PROVIDER = Provider(
    "llama.cpp",
    profiles=(Profile("llama.cpp", "llama.cpp"),),
    refusals=(Refusal("E22", (r"failed to parse tool call arguments as json",)),),
)
