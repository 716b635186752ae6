"""Errors of the APIs that programs call, as `application/problem+json` (RFC 9457): what went wrong and what to do.

    {"type": "urn:holdfast:problem:too_fast", "title": …, "status": 429, "detail": …, "code": "too_fast", "retry": true}

`retry` says that the very same request may work later; `fields` says of which fields what is wrong. `code` is for
programs and stays; the texts are for people, in their language.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _

from chat.limits.table import CODES as CODES_OF_LIMITS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CONTENT_TYPE = "application/problem+json"
#: Seconds after which somebody may ask again whom a store has not answered.
UNAVAILABLE_S = 2

#: By code: the status, what it is, and what to do.
CODES: "Mapping[str, tuple[int, StrOrPromise, StrOrPromise]]" = {
    "unauthorized": (
        401,
        _("No valid token"),
        _("Send a token that is valid: `Authorization: Bearer holdfast_…`. Tokens are made in the web chat."),
    ),
    "disabled": (
        403,
        _("Disabled"),
        _("The user of this token is disabled. An administrator can change that."),
    ),
    "scope": (403, _("Not for this token"), _("This token was not made for that. Make one with this scope.")),
    "forbidden": (403, _("Not allowed"), _("You may not do this here.")),
    "not_found": (
        404,
        _("Not found"),
        _("There is nothing here that is yours. Check the address and the id."),
    ),
    "method_not_allowed": (
        405,
        _("Not this way"),
        _("This address takes other methods: see the header Allow."),
    ),
    "bad_json": (400, _("No JSON"), _("Send a JSON object in UTF-8.")),
    "invalid": (422, _("Not valid"), _("Change what `fields` names, then send it again.")),
    "too_large": (413, _("Too large"), _("Send less at a time.")),
    "too_fast": (429, _("Too fast"), _("Wait as long as the header Retry-After says, then send it again.")),
    "too_many_open": (429, _("Too many streams"), _("Close one of the streams of this token first.")),
    "bad_command": (
        422,
        _("Not possible"),
        _("This cannot be done as things stand. Read the conversation again."),
    ),
    "id_reused": (
        409,
        _("Key used before"),
        _("This Idempotency-Key was used for something else. Use a new one."),
    ),
    "no_run": (409, _("No run"), _("Nothing runs here that could be stopped, or it is another run by now.")),
    "run_active": (
        409,
        _("A run is at work"),
        _("An answer is being made. Wait until it is done, or stop it."),
    ),
    "unknown_call": (404, _("No such call"), _("There is no such call in this conversation.")),
    "unknown_message": (404, _("No such message"), _("There is no such message in this conversation.")),
    "already_settled": (409, _("Settled already"), _("This call is closed. Read the conversation again.")),
    "already_decided": (409, _("Decided already"), _("Somebody was faster. Read the conversation again.")),
    "wrong_digest": (
        409,
        _("Not what was shown"),
        _("The call asks for something else than you were shown. Read it again and send its digest."),
    ),
    "too_many_waiting": (
        409,
        _("Too many waiting"),
        _("Many messages wait for an answer here. Send it again when one was answered."),
    ),
    "runs_spent": (429, _("Spent for today"), CODES_OF_LIMITS["runs_spent"].told),
    "tokens_spent": (429, _("Spent for today"), CODES_OF_LIMITS["tokens_spent"].told),
    "money_spent": (429, _("Spent for today"), CODES_OF_LIMITS["money_spent"].told),
    "conversations_full": (
        409,
        _("Too many conversations"),
        CODES_OF_LIMITS["conversations_full"].told,
    ),
    "agent_missing": (
        422,
        _("No such agent"),
        _("There is no such agent, or it is disabled. Ask for the list of agents."),
    ),
    "unknown_attachment": (
        422,
        _("No such file"),
        _("An attachment is not yours, was used before, or is gone."),
    ),
    "model_not_found": (
        404,
        _("No such model"),
        _("There is no such agent, or it is disabled. Ask for the list of models."),
    ),
    "unsupported": (
        400,
        _("Not supported"),
        _("This part of the API is not there. docs/api.md says what is."),
    ),
    "run_failed": (502, _("The run failed"), _("The run has failed. Sent again it would be another run.")),
    "run_stopped": (409, _("Stopped"), _("The run was stopped.")),
    "still_running": (
        504,
        _("Still running"),
        _(
            "The run goes on, or waits for a decision. Send the same request with the same Idempotency-Key again."
        ),
    ),
    "stream_restarted": (
        502,
        _("Begun again"),
        _(
            "The answer was begun again after a failure, in other words. Send the same request with the same "
            "Idempotency-Key again: it goes on."
        ),
    ),
    "unavailable": (
        503,
        _("Not now"),
        _("A store does not answer at the moment. Nothing was lost; send it again."),
    ),
    "failed": (
        500,
        _("Our failure"),
        _("Something went wrong here, and it is in the log. Please try again."),
    ),
}
#: The same request may work later.
RETRY = frozenset(
    {
        *("too_fast", "too_many_open", "too_many_waiting", "run_active", "unavailable", "failed"),
        *("runs_spent", "tokens_spent", "money_spent"),
    }
)


class Problem(Exception):
    """A request that cannot be answered as it was meant. `after`: seconds, for Retry-After (0: it cannot be said)."""

    def __init__(
        self,
        code: str,
        detail: "StrOrPromise" = "",
        *,
        after: int = 0,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status, self.title, told = CODES[code]
        self.detail = detail or told
        self.after = after or (UNAVAILABLE_S if code == "unavailable" else 0)
        self.fields = fields
        self.headers = dict(headers or {})
        if self.after:
            self.headers["Retry-After"] = str(self.after)
        if code == "unauthorized":
            self.headers["WWW-Authenticate"] = 'Bearer realm="holdfast"'

    def body(self) -> dict[str, Any]:
        """The document, in the language that is active."""
        found: dict[str, Any] = {
            "type": f"urn:holdfast:problem:{self.code}",
            "title": str(self.title),
            "status": self.status,
            "detail": str(self.detail),
            "code": self.code,
            "retry": self.code in RETRY,
        }
        return found if self.fields is None else {**found, "fields": dict(self.fields)}

    def response(self) -> HttpResponse:
        """The answer."""
        params = {"ensure_ascii": False, "separators": (",", ":")}
        answer = JsonResponse(
            self.body(), status=self.status, content_type=CONTENT_TYPE, json_dumps_params=params
        )
        for name, value in self.headers.items():
            answer[name] = value
        add_never_cache_headers(answer)
        return answer
