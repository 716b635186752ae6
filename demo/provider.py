"""The demo model as a provider: known by its name, and it describes what it got, pictures too."""

from agents.providers.base import Profile, Provider

NAMES = r"^demo(-slow|-fast|-\d+)?$"

PROVIDER = Provider("demo", profiles=(Profile("demo", "The demo model", models=NAMES, vision=NAMES),))
