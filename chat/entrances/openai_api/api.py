"""The OpenAI-compatible endpoint: agents as models. docs/api.md says what of OpenAI's API there is.

    request ─► exchange (which conversation?) ─► message in the journal ─► a run ─► its answer, streamed or whole

The run survives the client. With an `Idempotency-Key` the same request again is the same run; an SDK's own second try
without one is known by its header for 15 minutes.
"""

from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Header, Path

from agents.models import Agent
from chat.entrances.openai_api import answering, asking, completions, errors, responses, store
from chat.entrances.openai_api import shapes as s
from chat.entrances.openai_api.answering import Answer
from chat.entrances.openai_api.following import awaited, progress
from chat.entrances.openai_api.models import Exchange
from chat.entrances.openai_api.store import Wanted
from chat.entrances.openai_api.transcript import asked
from chat.http import sse
from chat.http.problems import Problem
from chat.http.programs import ProgramApi
from chat.session.errors import Unavailable
from chat.support.database import ask
from chat.tokens.bearer import permit
from chat.tokens.limits import TooManyOpen, limits
from chat.tokens.store import Bearer

API = ProgramApi(
    title="Holdfast, as OpenAI's clients see it",
    version="1",
    urls_namespace="openai-v1",
    description="Agents as models. What of OpenAI's API there is: docs/api.md.",
    problem=s.ErrorOut,
    problem_type="application/json",
    render=errors.render,
)

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        pattern=r"^[!-~]*$",
        description="Of your making: the same key again is the same run.",
    ),
]
Retried = Annotated[int, Header(alias="X-Stainless-Retry-Count", ge=0, description="Sent by OpenAI's SDKs.")]
Place = Annotated[
    str,
    Header(alias="Holdfast-Conversation", max_length=80, description="A conversation of yours to go on in."),
]
ResponseId = Annotated[str, Path(max_length=80)]


def _bearer(request: HttpRequest) -> Bearer:
    found: Bearer = request.auth  # type: ignore[attr-defined]
    return found


# ---- models ----


@API.get("/models", response=API.answers(s.ModelList), operation_id="listModels", tags=["Models"])
async def models(request: HttpRequest) -> Any:
    """The agents that may be asked."""
    permit(_bearer(request), "read")
    return s.ModelList(data=await ask(_models))


@API.get(
    "/models/{model}", response=API.answers(s.ModelOut, "not_found"), operation_id="getModel", tags=["Models"]
)
async def model(request: HttpRequest, model: Annotated[str, Path(max_length=100)]) -> Any:
    """One of them."""
    permit(_bearer(request), "read")
    for one in await ask(_models):
        if one.id == model:
            return one
    raise Problem("model_not_found")


def _models() -> list[s.ModelOut]:
    rows = Agent.objects.filter(enabled=True)
    return [s.ModelOut(id=row.slug, created=0, name=row.name, description=row.description) for row in rows]


# ---- chat completions ----


@API.post(
    "/chat/completions",
    response=API.answers(s.Completion, "not_found", "id_reused", "run_failed", "still_running"),
    operation_id="createChatCompletion",
    tags=["Chat"],
)
async def chat_completion(
    request: HttpRequest, wanted: s.ChatRequest, key: Key = "", retried: Retried = 0, place: Place = ""
) -> HttpResponseBase:
    """Ask an agent. It uses its tools here, and answers with text."""
    bearer = _bearer(request)
    question = asked(wanted.messages, "messages")
    digest = asking.digest("chat", wanted.model, wanted.messages, place)
    given = Wanted(wanted.model, question, digest, key, retried > 0, _conversation(place))
    _has_room(bearer)
    row = await asking.say(bearer, given)
    if wanted.stream:
        usage = wanted.stream_options is not None and wanted.stream_options.include_usage
        return _named(sse.stream(_chunks(row, bearer, usage)), row)
    return _named(JsonResponse(completions.completion(row, _whole(await _wait(row, bearer)))), row)


async def _chunks(row: Exchange, bearer: Bearer, usage: bool) -> AsyncGenerator[str, None]:
    try:
        yield completions.begun(row)
        with limits.open(bearer.token):
            async for one in progress(row):
                if isinstance(one, Answer):
                    for line in completions.ended(row, _whole(one), with_usage=usage):
                        yield line
                else:
                    yield sse.KEEP_ALIVE if one is None else completions.piece(row, one)
    except Problem as problem:
        yield sse.event(completions._json(errors.body(problem)))
    except TooManyOpen:
        yield sse.event(completions._json(errors.body(Problem("too_many_open"))))
    except Unavailable:
        yield sse.event(completions._json(errors.body(Problem("unavailable"))))


# ---- responses ----


@API.post(
    "/responses",
    response=API.answers(s.ResponseOut, "not_found", "id_reused", "still_running"),
    operation_id="createResponse",
    tags=["Responses"],
)
async def create_response(
    request: HttpRequest, wanted: s.ResponsesRequest, key: Key = "", retried: Retried = 0
) -> HttpResponseBase:
    """Ask an agent. It uses its tools here, and answers with text."""
    bearer = _bearer(request)
    said = wanted.input if isinstance(wanted.input, list) else [{"role": "user", "content": wanted.input}]
    question = asked(said, "input", [wanted.instructions or ""])
    place = wanted.conversation.get("id") if isinstance(wanted.conversation, dict) else wanted.conversation
    previous = responses.exchange_id(wanted.previous_response_id) if wanted.previous_response_id else None
    digest = asking.digest("response", wanted.model, said, wanted.instructions, place, str(previous))
    given = Wanted(wanted.model, question, digest, key, retried > 0, _conversation(place), previous)
    _has_room(bearer)
    row = await asking.say(bearer, given)
    if wanted.stream:
        return _named(sse.stream(_events(row, bearer, wanted.metadata)), row)
    answer = None if wanted.background else await _wait(row, bearer)
    return _named(JsonResponse(responses.response(row, answer, wanted.metadata)), row)


async def _events(row: Exchange, bearer: Bearer, metadata: Any) -> AsyncGenerator[str, None]:
    writer = responses.Writer(row, metadata)
    try:
        for line in writer.begun():
            yield line
        with limits.open(bearer.token):
            async for one in progress(row):
                if one is None:
                    yield sse.KEEP_ALIVE
                    continue
                for line in writer.ended(one) if isinstance(one, Answer) else writer.piece(one):
                    yield line
    except Problem as problem:
        yield writer.failed(problem)
    except TooManyOpen:
        yield writer.failed(Problem("too_many_open"))
    except Unavailable:
        yield writer.failed(Problem("unavailable"))


@API.get(
    "/responses/{response}",
    response=API.answers(s.ResponseOut, "not_found"),
    operation_id="getResponse",
    tags=["Responses"],
)
async def get_response(request: HttpRequest, response: ResponseId) -> HttpResponseBase:
    """A response as it stands."""
    row = await _own(request, response)
    answer = await ask(answering.find, row.conversation, str(row.message))
    return _named(JsonResponse(responses.response(row, answer)), row)


@API.post(
    "/responses/{response}/cancel",
    response=API.answers(s.ResponseOut, "not_found"),
    operation_id="cancelResponse",
    tags=["Responses"],
)
async def cancel_response(request: HttpRequest, response: ResponseId) -> HttpResponseBase:
    """Stop the run that answers."""
    row = await _own(request, response)
    if await ask(answering.find, row.conversation, str(row.message)) is None:
        await asking.stop(_bearer(request), row)
    answer = await ask(answering.find, row.conversation, str(row.message))
    return _named(JsonResponse(responses.response(row, answer)), row)


# ---- what they share ----


async def _own(request: HttpRequest, response: str) -> Exchange:
    bearer = _bearer(request)
    permit(bearer, "read")
    row = await ask(store.owned, bearer.user, responses.exchange_id(response))
    if row is None:
        raise Problem("not_found")
    return row


def _has_room(bearer: Bearer) -> None:
    if limits.full(bearer.token):
        raise Problem("too_many_open")


async def _wait(row: Exchange, bearer: Bearer) -> Answer:
    try:
        with limits.open(bearer.token):
            return await awaited(row)
    except TooManyOpen:
        raise Problem("too_many_open") from None


def _whole(answer: Answer) -> Answer:
    """The answer, if there is one. Raises Problem where a run has failed or was stopped, with why."""
    if answer.status == "failed":
        raise Problem("run_failed", answer.ending)
    if answer.status == "stopped":
        raise Problem("run_stopped")
    return answer


def _conversation(place: Any) -> UUID | None:
    if not place:
        return None
    try:
        return UUID(str(place))
    except ValueError:
        raise Problem("not_found") from None


def _named(answer: HttpResponseBase, row: Exchange) -> Any:
    answer["Holdfast-Conversation"] = str(row.conversation)
    answer["x-request-id"] = str(row.pk)
    return answer
