"""The API that our own page asks, described by OpenAPI 3.1: django-ninja with the login of a browser (rule W11).

    ROUTER = Router(auth=Door(reading, writing, MAX_BYTES))

    @ROUTER.get("/notes", response=answers(NoteList))
    def every(request): ...

    API = PageApi("web", ROUTER)

Who asks, how often and how much is looked at before anything else is read, and whether a change comes from our page
(Django's CSRF token) before its form is. Each error is `{code, detail, retry}`, with `fields` ({field: {code, detail}})
where single fields are to blame. What is not the user's own is 404, the same as what does not exist. An entrance hangs
`patterns` into its addresses, below `api/`. The description is for tests and for whoever reads the code: only our own
page asks these addresses, so it is served nowhere, and they may change with any release.
"""

import json
from collections.abc import Callable
from typing import Annotated, Any, cast

import pydantic
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from django.urls import URLPattern
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from ninja import NinjaAPI, Router
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.responses import NinjaJSONEncoder
from ninja.security import APIKeyCookie
from ninja.utils import check_csrf
from pydantic import BaseModel, BeforeValidator, ConfigDict

from agents.borders import document
from chat.authorization import logged_in
from chat.http.limits import Allowance
from chat.http.refusals import END, RequestRefused

SAFE = ("GET", "HEAD")
#: What any of them may say instead of its answer.
REFUSALS = (400, 401, 403, 404, 409, 413, 415, 422, 429)


class Shape(BaseModel):
    """What is answered: exactly the fields that are named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Shape):
    """It is done, and there is nothing to tell."""


class FieldRefused(Shape):
    """What is wrong with one field."""

    code: str
    detail: str


class Refused(Shape):
    """Why there is no answer. `retry`: the same request may be answered later."""

    code: str
    detail: str
    retry: bool
    fields: dict[str, FieldRefused] = {}


class CsrfRefused(Exception):
    """A change that does not come from our page; `response` says so."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("CSRF")
        self.response = response


class Door(APIKeyCookie):
    """Lets in who is logged in with this browser, within an allowance for reading or for writing, with so many bytes,
    and, for a change, with the token of our page. A form is read for that token only when this user may send so much.
    """

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self, reading: Allowance, writing: Allowance, max_bytes: int | Callable[[], int]) -> None:
        super().__init__()
        self._reading, self._writing, self._max_bytes = reading, writing, max_bytes

    def __call__(self, request: HttpRequest) -> Any:
        safe = request.method in SAFE
        most = self._max_bytes() if callable(self._max_bytes) else self._max_bytes
        _admit(request, self._reading if safe else self._writing, most)
        if not safe and (refused := check_csrf(request)) is not None:
            raise CsrfRefused(refused)
        return request.user

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        raise NotImplementedError("__call__ does it all")


class ObjectParser(Parser):
    """A JSON object as every layer behind us takes it."""

    def parse_body(self, request: HttpRequest) -> Any:
        found = document(request.body)
        if not isinstance(found, dict):
            raise ValueError("no object")
        return found


class CompactJson(BaseRenderer):
    """Without blanks and escapes that no browser needs."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), cls=NinjaJSONEncoder)


def answers(model: Any, *, created: bool = False) -> dict[Any, Any]:
    """What a route may answer: with status 200, and with 201 when it has made something; and its refusals."""
    good = {200: model, 201: model} if created else {200: model}
    return {**good, **dict.fromkeys(REFUSALS, Refused)}


class PageApi(NinjaAPI):
    """The addresses of one entrance that our page asks."""

    def __init__(self, name: str, *routers: Router) -> None:
        super().__init__(
            title="What the page asks",
            version="1",
            urls_namespace=f"page-{name}",
            openapi_url=None,
            docs_url=None,
            parser=ObjectParser(),
            renderer=CompactJson(),
        )
        for router in routers:
            self.add_router("", router)

    def set_default_exception_handlers(self) -> None:
        """What was foreseen is a refusal; all else is a failure, which Django logs and tells."""

        def told(turn: Callable[[Any], RequestRefused]) -> Callable[[HttpRequest, Any], HttpResponse]:
            return lambda request, exc: self._refused(request, turn(exc))

        def stale(request: HttpRequest, exc: Any) -> HttpResponse:
            response: HttpResponse = exc.response
            return response

        self.add_exception_handler(RequestRefused, told(lambda exc: exc))
        self.add_exception_handler(CsrfRefused, stale)
        self.add_exception_handler(HttpError, told(lambda exc: _no_object()))
        # A form with files, which was read for its token.
        self.add_exception_handler(RawPostDataException, told(lambda exc: _no_object()))
        self.add_exception_handler(ValidationError, told(_invalid))
        # Django's own limits (DATA_UPLOAD_MAX_…), such as a thousand parameters in the address.
        self.add_exception_handler(SuspiciousOperation, told(lambda exc: _too_many()))

    def get_content_type(self) -> str:
        return CompactJson.media_type

    def create_response(self, request: HttpRequest, data: Any, **options: Any) -> HttpResponse:
        response = super().create_response(request, data, **options)
        add_never_cache_headers(response)
        return response

    @property
    def patterns(self) -> list[URLPattern]:
        """Its addresses, each below `api/`. Once for each API."""
        return [one for one in cast(list[URLPattern], self.urls[0]) if one.name != "api-root"]

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """As the code calls it, such as `schedules.listing` and `web.notes.listing`."""
        view = operation.view_func
        place = view.__module__.removeprefix("chat.entrances.").removesuffix(".api")
        return f"{place}.{view.__name__}"

    def described(self) -> Any:
        """Its description, OpenAPI 3.1."""
        return self.get_openapi_schema(path_prefix="/api/")

    def _refused(self, request: HttpRequest, refusal: RequestRefused) -> HttpResponse:
        response = self.create_response(request, refusal.body, status=refusal.status)
        if refusal.status == 429:
            response["Retry-After"] = str(refusal.after)
        return response


def whole(default: int, least: int = 1, most: int = END) -> BeforeValidator:
    """A whole number of the query string, `default` if it is empty. What is beyond its bounds is moved to them."""

    def read(given: Any) -> int:
        text = str(given)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise ValueError("a whole number is wanted")
        return max(least, min(most, int(text)))

    return BeforeValidator(read)


#: Where a page begins: behind the newest, unless something is said.
Before = Annotated[int, whole(END, 0, END)]


def invalid(found: dict[str, str]) -> RequestRefused:
    """A refusal that names what is wrong with each field; "" stands for the whole."""
    fields = {field: {"code": "invalid", "detail": text} for field, text in found.items()}
    told = "; ".join(f"{field}: {text}" if field else text for field, text in found.items())
    return RequestRefused(400, "invalid", told[:1_000], fields=fields)


def _invalid(refusal: ValidationError) -> RequestRefused:
    """What was sent as JSON is `invalid` by its fields; of an address or a form, one is told what is wrong first."""
    found: dict[str, str] = {}
    for error in refusal.errors:
        # ("body", the view's parameter, field, …), or ("query", parameter, …)
        where = error["loc"][2:] if error["loc"][0] == "body" else error["loc"][1:]
        found.setdefault(str(where[0])[:200] if where else "", str(error["msg"])[:300])
    if all(error["loc"][0] == "body" for error in refusal.errors):
        return invalid(found)
    field, text = next(iter(found.items()))
    return RequestRefused(400, "refused", f"`{field}`: {text}")


def first_of_each(refusal: pydantic.ValidationError) -> dict[str, str]:
    """What pydantic finds wrong first with each field; "" stands for the whole."""
    found: dict[str, str] = {}
    for error in refusal.errors(include_url=False, include_input=False):
        found.setdefault(str(error["loc"][0]) if error["loc"] else "", error["msg"])
    return found


def _no_object() -> RequestRefused:
    return RequestRefused(400, "bad_json", gettext("Send a JSON object."))


def _too_many() -> RequestRefused:
    return RequestRefused(413, "too_large", gettext("The address or the form has too many parts."))


def _admit(request: HttpRequest, spent: Allowance, max_bytes: int) -> None:
    user = request.user
    if user.pk is None or not logged_in(user.pk, user.pk, active=user.is_active).may("read"):
        raise RequestRefused(401, "logged_out", gettext("Log in again."))
    if not spent.take(user.pk):
        after = spent.retry_after(user.pk)
        told = gettext("Too many requests. Wait a moment.")
        raise RequestRefused(429, "too_fast", told, retry=True, after=after)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= max_bytes):
        told = gettext("A request may have {max} bytes.").format(max=f"{max_bytes:,}")
        raise RequestRefused(413, "too_large", told)
