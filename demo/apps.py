from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The scripted model and its tools."""

    name = "demo"

    def ready(self) -> None:
        """Make the model's profile and the tools known."""
        from agents import extensions
        from demo.provider import PROVIDER
        from demo.tools import TOOLS

        extensions.register_provider(PROVIDER, "the demo")
        extensions.register_tools(TOOLS, "the demo")
