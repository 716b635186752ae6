"""Where the encrypted column was in release 0.1; landed migrations name this place."""

from chat.support.encryption import SealedField, seal, unseal

__all__ = ["SealedField", "seal", "unseal"]
