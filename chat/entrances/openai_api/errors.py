"""Problems as OpenAI's clients expect errors, and what these are to do about them.

Their SDKs try again by themselves after 408, 409, 429 and every 5xx, unless the header `x-should-retry` says otherwise.
For a run that has failed it does: another try would be another run.
"""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.utils.cache import add_never_cache_headers

from chat.http.problems import Problem

#: Statuses that these clients know for what has another one with us.
STATUSES = {"invalid": 400, "bad_json": 400}
TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
#: What these clients call a limit that does not pass in a moment.
SPENT = frozenset({"runs_spent", "tokens_spent", "money_spent", "conversations_full"})
#: What is worth another try of the very same request, and what is not, whatever its status.
AGAIN = {
    "unavailable": True,
    "too_fast": True,
    "too_many_waiting": True,
    "failed": False,
    "too_many_open": True,
}


def body(problem: Problem) -> dict[str, Any]:
    """The document."""
    status = STATUSES.get(problem.code, problem.status)
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    kind = "insufficient_quota" if problem.code in SPENT else kind
    fields = dict(problem.fields or {})
    told = " ".join(f"{name}: {text}" if name else text for name, text in fields.items())
    message = told or str(problem.detail)
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": next(iter(fields), None) or None,
            "code": problem.code,
        }
    }


def render(problem: Problem) -> HttpResponse:
    """The answer."""
    status = STATUSES.get(problem.code, problem.status)
    answer = JsonResponse(body(problem), status=status, json_dumps_params={"ensure_ascii": False})
    for name, value in problem.headers.items():
        answer[name] = value
    answer["x-should-retry"] = "true" if AGAIN.get(problem.code, False) else "false"
    add_never_cache_headers(answer)
    return answer
