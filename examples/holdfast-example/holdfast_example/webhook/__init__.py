"""A chat webhook as an entrance: messages and buttons come in, answers and cards go out, both signed.

The chats, the outbox, retries and dead letters are those of any messenger (docs/extending.md); here is only what this
one does in its own way. The file names are those of the built-in entrances (docs/architecture.md).
"""
