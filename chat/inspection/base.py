"""What the read-only admin pages share."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import OperationalError, connections, transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from chat.support.clock import now_ms

#: Rows that a list counts; with more it says this number, instead of reading a whole table for one.
MAX_COUNTED = 10_000
#: How long PostgreSQL may work at one query of a list (milliseconds), and how it says that this was over.
LIST_TIMEOUT_MS = 5_000
CANCELED = "57014"
#: Characters of one text on a page; the rest is in the database.
MAX_SHOWN = 100_000


class BoundedPaginator(Paginator):
    """Counts no further than anybody will turn pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows[:MAX_COUNTED].count()


class TextFilter(admin.SimpleListFilter):
    """A filter that is typed, for what has too many values to list."""

    template = "admin/chat/text_filter.html"
    #: The lookup that must equal what was typed.
    lookup: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "")]  # never empty, or the filter is left out

    def choices(self, changelist: Any) -> Any:
        kept = changelist.get_filters_params()
        kept.pop(self.parameter_name, None)
        yield {"kept": [(name, one) for name, values in kept.items() for one in values]}

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        typed = self.value()
        try:
            return queryset.filter(**{self.lookup: typed}) if typed else queryset
        except (ValidationError, ValueError):
            return queryset.none()  # it is nothing that there could be, like an id that is none


class BoundedChangeList(ChangeList):
    """Sorts by no column but those of `sortable_by`, whatever the address says: Django only hides the links."""

    def get_ordering_field(self, field_name: Any) -> Any:
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None


class ReadOnlyAdmin(admin.ModelAdmin):
    """Staff with the view permission may look; nobody may add, change or delete."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count per value of each filter
    list_per_page = 50
    #: Columns that a click sorts by: none but what an index has in order. Others read and sort a whole table.
    sortable_by: ClassVar[Any] = ()
    #: The order of a list that is about one thing, where an index has the rows of that thing in order: {parameter of
    #: the address: order}. In the order of everybody's rows old ones lie behind millions of others.
    ordering_of: ClassVar[dict[str, Sequence[str]]] = {}
    #: How a search finds rows: UUIDs by these fields, other words by equality or by containing them.
    search_ids: ClassVar[Sequence[str]] = ()
    search_exact: ClassVar[Sequence[str]] = ()
    search_text: ClassVar[Sequence[str]] = ()
    #: Large columns that a list does not need.
    unlisted: ClassVar[Sequence[str]] = ()
    search_fields = ("pk",)  # shows the search box; see get_search_results

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def get_ordering(self, request: HttpRequest) -> Any:
        """The order of the whole list, or of the one thing that it is about."""
        of: Any = (order for name, order in self.ordering_of.items() if request.GET.get(name))
        return next(of, super().get_ordering(request))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; or, where the question would keep the database busy for long, that it must be narrower."""
        connection = connections[self.model.objects.db]
        if connection.vendor != "postgresql":
            return super().changelist_view(request, extra_context)
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {LIST_TIMEOUT_MS}")
                page = super().changelist_view(request, extra_context)
                return page.render() if isinstance(page, TemplateResponse) else page
        except OperationalError as problem:
            if getattr(problem.__cause__, "sqlstate", "") != CANCELED:
                raise
        messages.warning(
            request,
            gettext(
                "This list would take longer than {seconds} s. Ask for less: one conversation, one owner, an exact id."
            ).format(seconds=LIST_TIMEOUT_MS // 1000),
        )
        return HttpResponseRedirect(request.path if request.GET else reverse("admin:index"))

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        found = super().get_queryset(request)
        page = request.resolver_match.url_name if request.resolver_match else None
        is_list = page is not None and page.endswith("_changelist")
        return found.defer(*self.unlisted) if is_list else found

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        for word in search_term.split()[:5]:
            queryset = queryset.filter(self._matching(word[:200]))
        return queryset, False

    def _matching(self, word: str) -> Q:
        try:
            identity = UUID(word)
        except ValueError:
            either = Q(**{f"{field}__icontains": word for field in self.search_text[:1]})
            for field in self.search_text[1:]:
                either |= Q(**{f"{field}__icontains": word})
        else:
            either = Q()
            for field in self.search_ids:
                either |= Q(**{field: identity})
        for field in self.search_exact:
            either |= Q(**{field: word})
        return either


class SecretAdmin(admin.ModelAdmin):
    """A page with secrets: whoever may only look has no fields for them, not even empty ones."""

    #: The fields that hold or change a secret.
    secrets: ClassVar[Sequence[str]] = ()

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = () if may_write(self, request, obj) else self.secrets
        return (*(super().get_exclude(request, obj) or ()), *hidden)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Django shows a field of a fieldset although it is excluded from the form."""
        hidden = set() if may_write(self, request, obj) else set(self.secrets)
        return [
            (name, {**options, "fields": [one for one in options["fields"] if one not in hidden]})
            for name, options in super().get_fieldsets(request, obj)
        ]


def may_write(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, row: Model | None) -> bool:
    """Whether the page of a row is a form for this user and not only something to look at."""
    if row is None:
        return model_admin.has_add_permission(request)
    return model_admin.has_change_permission(request, row)


def time(ms: int | None) -> str:
    """Milliseconds since the epoch as people read it, in UTC; what no calendar has as the number."""
    if ms is None:
        return "–"
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"


def tokens(row: Any) -> str:
    """What a row's responses took: tokens, and money where a price was known."""
    cached = f" ({row.cached_tokens:,} cached)" if row.cached_tokens else ""
    return f"{row.input_tokens:,} in{cached}, {row.output_tokens:,} out{cost(row.cost)}"


def cost(billionths: int | None) -> str:
    """A cost as a suffix; nothing where none is known."""
    return "" if billionths is None else f", ${billionths / 1e9:,.4f}"


def took(start: int | None, end: int | None) -> str:
    """How long something took, in seconds."""
    return "–" if start is None or end is None else f"{(end - start) / 1000:.2f} s"


def since(run: Any) -> str:
    """Since when a run has the status it has, and how long that is. Only of one that rests (it waits, or recovers):
    the row of one that works is written with each of its steps."""
    return f"{time(run.updated_at)} ({duration(now_ms() - run.updated_at)})"


def duration(ms: int) -> str:
    """A stretch of time as people say it, whole seconds. Clocks of processes differ: never less than nothing."""
    seconds = max(0, ms) // 1000
    for size, letter, smaller, small in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            return f"{seconds // size} {letter} {seconds % size // smaller} {small}"
    return f"{seconds} s"


def pretty(value: Any) -> SafeString:
    """A JSON value, or text that may be JSON, as a block of text; escaped."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return block(value)
    return block(json.dumps(value, indent=2, ensure_ascii=False))


def compact(value: Any) -> str:
    """A JSON value in one line."""
    return json.dumps(value, ensure_ascii=False)


def block(text: str, shown: int = MAX_SHOWN) -> SafeString:
    """Text as it is, line breaks and all; escaped."""
    cut = "" if len(text) <= shown else f"\n… {len(text) - shown:,} characters more"
    return format_html('<pre class="hf-text" tabindex="0">{}{}</pre>', text[:shown], cut)


def badge(state: str, words: str) -> SafeString:
    """A state as a small mark."""
    return format_html('<span class="hf-status hf-is-{}">{}</span>', state, words)


def plain_html(text: str) -> str:
    """Text as HTML that is nothing but this text."""
    return str(escape(text))


def link(label: str, page: str, *args: Any, **query: Any) -> SafeString:
    """A link to an admin page, `page` being its URL name without the site's."""
    return format_html('<a href="{}">{}</a>', address(page, *args, **query), label)


def address(page: str, *args: Any, **query: Any) -> str:
    """Where an admin page is."""
    return reverse(f"admin:{page}", args=args, query=query or None)


def to_conversation(row: Any) -> SafeString:
    """A link to the conversation that a row belongs to."""
    return link(str(row.conversation), "chat_conversation_change", row.conversation_id)
