"""Who serves models here: providers as rows, beside what the environment says, and who of them speaks for an agent.

    ModelProvider ─┬─ ProviderModel     what is known of one of its models: context window, prices, whether it sees
                   └─ AgentFallback     a model of it that stands in for an agent's own

What is known of a *kind* of provider (profiles, windows, words of refusals) is data in `agents/providers/`.
"""
