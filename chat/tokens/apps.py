from django.apps import AppConfig


class TokensConfig(AppConfig):
    """Tokens by which people's programs speak for them."""

    name = "chat.tokens"
    label = "tokens"
    verbose_name = "API tokens"
    default_auto_field = "django.db.models.BigAutoField"
