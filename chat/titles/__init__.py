"""Titles that a model writes: what a conversation is called once it has been answered, instead of how it began.

    answered, and called as it began ─► a row ─► one worker asks the model ─► conversation.renamed {model, usage}

Off unless HOLDFAST_TITLE_AGENT names an agent, whose model is asked. Runs know nothing of it: workers do it beside
them, from the journal. A person's title stands, also one that comes while the model writes.
"""
