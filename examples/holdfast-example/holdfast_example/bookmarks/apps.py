from django.apps import AppConfig


class BookmarksConfig(AppConfig):
    """The table of bookmarks, its page in the admin, and the renderer among its static files."""

    name = "holdfast_example.bookmarks"
    label = "example_bookmarks"
    verbose_name = "Bookmarks"
    default_auto_field = "django.db.models.BigAutoField"
