"""An API for people's programs, described by OpenAPI 3.1: django-ninja with our doors (rule W11).

Every request shows a token, every body comes in by `agents.borders`, every error is a `Problem`, and the description
says what is true of all that. An entrance makes one `ProgramApi` and hangs `patterns` into its addresses.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, re_path
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import HttpBearer

from agents.borders import document
from chat.http import problems
from chat.http.problems import Problem
from chat.session.errors import Unavailable
from chat.tokens.bearer import admitted

log = logging.getLogger(__name__)

#: Bytes of a request: many times the longest message; Django itself reads no more (DATA_UPLOAD_MAX_MEMORY_SIZE).
MAX_BYTES = 1_000_000

Render = Callable[[Problem], HttpResponse]


class TokenAuth(HttpBearer):
    """A token of chat/tokens/. `request.auth` is its `Bearer` afterwards."""

    async def authenticate(self, request: HttpRequest, token: str) -> Any:
        return await admitted(request)

    def __call__(self, request: HttpRequest) -> Any:
        return self._admitted(request)

    async def _admitted(self, request: HttpRequest) -> Any:
        bearer = await admitted(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= MAX_BYTES):
            raise Problem("too_large")
        return bearer


class BorderParser(Parser):
    """JSON as every layer behind us takes it."""

    def parse_body(self, request: HttpRequest) -> Any:
        return document(request.body)


class ProgramApi(NinjaAPI):
    """One API. `render` writes a Problem as its clients expect one."""

    def __init__(
        self, *, render: Render = Problem.response, problem: Any, problem_type: str, **options: Any
    ) -> None:
        self._render = render
        self._problem = problem
        self._problem_type = problem_type
        #: The description by what stands before its paths: anybody may read it, and to make it takes 150 ms.
        self._described: dict[str, Any] = {}
        super().__init__(docs_url=None, auth=TokenAuth(), parser=BorderParser(), **options)

    def set_default_exception_handlers(self) -> None:
        """Whatever goes wrong is a Problem; only what we did not foresee is in the log with its traceback."""

        def told(turn: Callable[[Any], Problem]) -> Callable[[HttpRequest, Any], HttpResponse]:
            return lambda request, exc: self._render(turn(exc))

        self.add_exception_handler(Problem, told(lambda exc: exc))
        self.add_exception_handler(AuthenticationError, told(lambda exc: Problem("unauthorized")))
        self.add_exception_handler(HttpError, told(lambda exc: Problem("bad_json")))
        self.add_exception_handler(
            ValidationError, told(lambda exc: Problem("invalid", fields=wrong_fields(exc)))
        )
        # Django's own limits (DATA_UPLOAD_MAX_…), such as a thousand parameters in the address.
        self.add_exception_handler(SuspiciousOperation, told(lambda exc: Problem("too_large")))
        self.add_exception_handler(Unavailable, told(lambda exc: Problem("unavailable")))
        self.add_exception_handler(Exception, told(_unforeseen))

    def answers(self, model: Any, *codes: str, status: int = 200) -> dict[Any, Any]:
        """What a route may answer: its own, and problems by their codes; those that every route has are added."""
        every = (
            "unauthorized",
            "disabled",
            "scope",
            "too_fast",
            "too_large",
            "invalid",
            "failed",
            "unavailable",
        )
        statuses = sorted({problems.CODES[code][0] for code in (*codes, *every)} | {400})
        return {status: model, **dict.fromkeys(statuses, self._problem)}

    @property
    def patterns(self) -> list[URLPattern]:
        """Its addresses, below which every other is a Problem, too."""

        async def nothing(request: HttpRequest) -> HttpResponse:
            return self._render(Problem("not_found"))

        nothing.csrf_exempt = True  # type: ignore[attr-defined]
        found = [self._telling(one) for one in cast(list[URLPattern], self.urls[0])]
        for one in found:
            if one.name == "api-root":
                one.callback = nothing
        # Not `<path:…>`, which ends at a line break.
        return [*found, re_path(r"[\s\S]*", nothing)]

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> Any:
        """The description, in which errors have the media type that they come with. Made once, so not to be changed."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        if prefix not in self._described:
            self._described[prefix] = self._describe(prefix)
        return self._described[prefix]

    def _describe(self, prefix: str) -> Any:
        schema = super().get_openapi_schema(path_prefix=prefix)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    content = answer.get("content") or {}
                    if int(status) >= 400 and "application/json" in content:
                        answer["content"] = {self._problem_type: content["application/json"]}
        return schema

    def _telling(self, pattern: URLPattern) -> URLPattern:
        """The same address, whose 405 is a Problem."""
        view = cast(Callable[..., Awaitable[HttpResponseBase]], pattern.callback)

        @wraps(view)
        async def telling(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            made = view(request, *args, **kwargs)
            answer = await made if hasattr(made, "__await__") else cast(HttpResponseBase, made)
            if answer.status_code != 405:
                return answer
            return self._render(Problem("method_not_allowed", headers={"Allow": answer["Allow"]}))

        telling.csrf_exempt = True  # type: ignore[attr-defined]
        pattern.callback = telling
        return pattern


def wrong_fields(refusal: ValidationError) -> dict[str, str]:
    """What is wrong first with each field, by its path; "" stands for the whole. Nothing that was sent is repeated."""
    found: dict[str, str] = {}
    for error in refusal.errors:
        where = [str(one) for one in error["loc"]]
        name = ".".join(where[2:] if where[:1] == ["body"] else where[1:])
        found.setdefault(name[:200], str(error["msg"])[:300])
    return found


def _unforeseen(problem: Exception) -> Problem:
    log.error("A request of a program failed.", exc_info=problem)
    return Problem("failed")
