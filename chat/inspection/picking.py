"""Fields of admin forms in which another row is picked."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError


class SoundAutocomplete(AutocompleteSelect):
    """Django's, but for what is no id at all: Django asks the database for it when it shows the form again, and that
    raises. The field's own check has said already what is wrong."""

    def optgroups(self, name: str, value: Iterable[Any], attr: Any = None) -> Any:
        return super().optgroups(name, [one for one in value if self._may_be_id(one)], attr)

    def _may_be_id(self, value: Any) -> bool:
        field: Any = self.field.target_field
        try:
            field.run_validators(field.to_python(value))
        except (ValidationError, ValueError, OverflowError):
            return False
        return True


class PicksOthers:
    """For an admin with `autocomplete_fields`. Name it before ModelAdmin."""

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields and "widget" not in kwargs:  # type: ignore[attr-defined]
            site = self.admin_site  # type: ignore[attr-defined]
            kwargs["widget"] = SoundAutocomplete(db_field, site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
