"""Ollama, on a server of one's own."""

from agents.providers.base import Profile, Provider, Refusal

PROVIDER = Provider(
    "ollama",
    profiles=(Profile("ollama", "Ollama", ports=(11434,)),),
    refusals=(Refusal("E23", (r"invalid tool call arguments", r"invalid message content type: <nil>")),),
)
