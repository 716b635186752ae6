"""How much one person may have: the table of limits, what decides, and what was used (docs/limits.md)."""
