"""Views that answer a logged-in user: who asks, how often, how much, and errors in one shape. All JSON goes by here.

    list_or_make = endpoint(reading, writing, MAX_BYTES, GET=listing, POST=make)

Each method gets (request, *args) and returns a dict, a shape of the wire, or a response of its own, such as a file.
Each error is `{code, detail, retry}`, with `fields` ({field: {code, detail}}) where single fields are to blame. What is
not the user's own is 404, the same as what does not exist (rule W11). Django's CSRF check applies as to any view.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.request import RawPostDataException
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.views import View
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from pydantic import BaseModel, ValidationError

from agents.borders import BadDocument, document
from chat.authorization import logged_in
from chat.http.limits import Allowance, RateLimits

Answer = dict[str, Any]
Method = Callable[..., Answer | BaseModel | HttpResponseBase]

#: Larger than any seq, id and time in ms, small enough for every database.
END = 2**62


class RequestRefused(Exception):
    """The request cannot be answered; becomes its response. `after`: seconds, told with the status 429."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry: bool = False,
        fields: dict[str, Any] | None = None,
        after: int = 1,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.after = after
        self.body: Answer = {"code": code, "detail": detail, "retry": retry}
        if fields is not None:
            self.body["fields"] = fields


class Created(dict[str, Any]):
    """An answer with the status 201."""


def allowance(burst: int, rate: float) -> Allowance:
    """Requests of one user in this process: so many at once, and so many per second after that."""
    return Allowance(RateLimits(burst=burst, rate=rate, flood=10_000))


def endpoint(
    reading: Allowance,
    writing: Allowance,
    max_bytes: int | Callable[[], int],
    *,
    form: bool = False,
    **methods: Method,
) -> Callable[..., HttpResponseBase]:
    """A view that does what `methods` (GET, HEAD, POST, PATCH, DELETE) say, within these allowances per user. A request
    may have `max_bytes`.

    `form`: a form with files is sent. Its CSRF token may be one of its fields, and looking for it reads the form: so it
    is looked for when it is known that this user may send so much.
    """

    def perform(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            answer = methods[request.method or ""](request, *args, **kwargs)
        except RequestRefused as refusal:
            return _refused(refusal)
        if isinstance(answer, HttpResponseBase):
            return answer
        body = answer.model_dump() if isinstance(answer, BaseModel) else answer
        return _json(body, 201 if isinstance(answer, Created) else 200)

    answering = csrf_protect(perform) if form else perform

    class Endpoint(View):
        http_method_names = [name.lower() for name in methods]

        def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                return self.http_method_not_allowed(request)
            spent = reading if request.method in ("GET", "HEAD") else writing
            try:
                _admit(request, spent, max_bytes() if callable(max_bytes) else max_bytes)
            except RequestRefused as refusal:
                return _refused(refusal)
            return answering(request, *args, **kwargs)

    view = Endpoint.as_view()
    return csrf_exempt(view) if form else view


def body_of(request: HttpRequest) -> Any:
    """The JSON object that was sent; an empty one if nothing was. Raises RequestRefused."""
    try:
        found = document(request.body or b"{}")
    except (
        BadDocument,
        RawPostDataException,
    ):  # the second: a form with files, which was read for its CSRF token
        raise RequestRefused(400, "bad_json", gettext("Send a JSON object.")) from None
    if not isinstance(found, dict):
        raise RequestRefused(400, "bad_json", gettext("Send a JSON object."))
    return found


def number_of(request: HttpRequest, name: str, default: int, least: int = 1, most: int = END) -> int:
    """A whole number of the query string. What is beyond its bounds is moved to them. Raises RequestRefused."""
    text = request.GET.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise RequestRefused(400, "refused", f"`{name}` must be a whole number.")
    return max(least, min(most, int(text)))


def wrong_fields(refusal: ValidationError) -> dict[str, str]:
    """What pydantic finds wrong first with each field; "" stands for the whole."""
    found: dict[str, str] = {}
    for error in refusal.errors(include_url=False, include_input=False):
        found.setdefault(str(error["loc"][0]) if error["loc"] else "", error["msg"])
    return found


def _admit(request: HttpRequest, spent: Allowance, max_bytes: int) -> None:
    user = request.user
    if user.pk is None or not logged_in(user.pk, user.pk, active=user.is_active).may("read"):
        raise RequestRefused(401, "logged_out", gettext("Log in again."))
    if not spent.take(request.user.pk):
        after = spent.retry_after(request.user.pk)
        raise RequestRefused(
            429, "too_fast", gettext("Too many requests. Wait a moment."), retry=True, after=after
        )
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= max_bytes):
        told = gettext("A request may have {max} bytes.").format(max=f"{max_bytes:,}")
        raise RequestRefused(413, "too_large", told)


def _json(body: Answer, status: int) -> HttpResponse:
    params = {"ensure_ascii": False, "separators": (",", ":")}
    response = JsonResponse(body, status=status, json_dumps_params=params)
    add_never_cache_headers(response)
    return response


def _refused(refusal: RequestRefused) -> HttpResponse:
    response = _json(refusal.body, refusal.status)
    if refusal.status == 429:
        response["Retry-After"] = str(refusal.after)
    return response
