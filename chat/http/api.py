"""Views that answer JSON to a logged-in user: who asks, how often, how much, and errors in one shape.

    @endpoint(GET=show, PATCH=change)      one view per method; each gets (request, *args) and returns a dict

Each error is `{code, detail, retry}`, with `fields` ({field: {code, detail}}) where single fields are to blame. What is
not the user's own is 404, the same as what does not exist (rule W11). Django's CSRF check applies as to any view.
"""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views import View
from django.views.decorators.cache import never_cache

from chat.http.limits import Allowance, Limits

Answer = dict[str, Any]
Method = Callable[..., Answer]


class Refused(Exception):
    """The request cannot be answered; becomes its response."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry: bool = False,
        fields: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.body: Answer = {"code": code, "detail": detail, "retry": retry}
        if fields is not None:
            self.body["fields"] = fields


class Created(dict[str, Any]):
    """An answer with the status 201."""


def allowance(burst: int, rate: float) -> Allowance:
    """Requests of one user in this process: so many at once, and so many per second after that."""
    return Allowance(Limits(burst=burst, rate=rate, flood=10_000))


def endpoint(
    reading: Allowance, writing: Allowance, most_bytes: int, **methods: Method
) -> Callable[..., HttpResponseBase]:
    """A view that does what `methods` (GET, POST, PATCH, DELETE) say, within these allowances per user."""

    @method_decorator(never_cache, name="dispatch")
    class Endpoint(View):
        http_method_names = [name.lower() for name in methods]

        def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            method = methods.get(request.method or "")
            if method is None:
                return self.http_method_not_allowed(request)
            try:
                _admit(request, reading if request.method == "GET" else writing, most_bytes)
                answer = method(request, *args, **kwargs)
            except Refused as refusal:
                return _refused(refusal)
            return _json(answer, 201 if isinstance(answer, Created) else 200)

    return Endpoint.as_view()


def body_of(request: HttpRequest) -> Any:
    """The JSON object that was sent; an empty one if nothing was. Raises Refused."""
    try:
        found = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise Refused(400, "bad_json", gettext("Send a JSON object.")) from None
    if not isinstance(found, dict):
        raise Refused(400, "bad_json", gettext("Send a JSON object."))
    return found


def _admit(request: HttpRequest, allowance: Allowance, most_bytes: int) -> None:
    if not request.user.is_authenticated:
        raise Refused(401, "logged_out", gettext("Log in again."))
    if not allowance.take(request.user.pk):
        raise Refused(429, "too_fast", gettext("Too many requests. Wait a moment."), retry=True)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > most_bytes:
        raise Refused(
            413, "too_large", gettext("A request may have {max} bytes.").format(max=f"{most_bytes:,}")
        )


def _json(body: Answer, status: int) -> JsonResponse:
    params = {"ensure_ascii": False, "separators": (",", ":")}
    return JsonResponse(body, status=status, json_dumps_params=params)


def _refused(refusal: Refused) -> HttpResponse:
    response = _json(refusal.body, refusal.status)
    if refusal.status == 429:
        response["Retry-After"] = "2"
    return response
