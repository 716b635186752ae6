"""Django's admin, with its pages in an operator's order."""

from django.contrib.admin.apps import AdminConfig


class HoldfastAdmin(AdminConfig):
    """Not in `config/apps.py`: of the apps there Django takes the one for itself that is marked as the default."""

    default = False
    default_site = "chat.inspection.site.HoldfastSite"
