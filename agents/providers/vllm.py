"""vLLM, on a server of one's own: the model's chat template decides the rules."""

from agents.providers.base import Profile, Provider

PROVIDER = Provider("vllm", profiles=(Profile("vllm", "vLLM"),))
