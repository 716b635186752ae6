"""Where the sealed column was until others needed it, too; migrations name this place."""

from chat.support.encryption import SealedField, seal, unseal

__all__ = ["SealedField", "seal", "unseal"]
