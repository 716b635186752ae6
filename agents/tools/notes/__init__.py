"""Notes that an agent keeps for a person: the tool, its table and the admin's page."""
