"""The lab: short conversations with a live provider, each with a history that some provider has refused before.

    stories.py   what is told: a dozen conversations, each ends with something that the model must answer
    talk.py      one conversation in memory, by the loop that runs are performed with
    meter.py     how much may be asked: requests, tokens, money, time
    trying.py    all of them with one profile, and with others if some were refused; what fits

Nothing is stored, and the tool of these conversations does nothing.
"""
