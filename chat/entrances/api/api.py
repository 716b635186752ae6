"""The HTTP API: conversations for people's own programs. docs/api.md has examples; /api/v1/openapi.json every shape.

Reading asks SQL and the live sessions; every change is a command to the inbox, as from any other door. With an
`Idempotency-Key` the same request again is the same command, whatever became of the answer (rule W5).
"""

from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Header, Path, Query, Status

from agents.borders import text as bordered
from agents.models import Agent
from chat.commands import (
    ApproveBody,
    ChangeAgentBody,
    CreateBody,
    DeleteBody,
    RenameBody,
    SendBody,
    SettleBody,
    StopBody,
)
from chat.entrances.api import reading, stream
from chat.entrances.api import shapes as s
from chat.entrances.api.entrance import ENTRANCE
from chat.following import MAX_CURSOR, Following
from chat.http import problems, sse
from chat.http.problems import Problem
from chat.http.programs import ProgramApi
from chat.inbox import Body, CommandResult, action_of
from chat.journal import replies
from chat.runtime import current
from chat.session.errors import NoConversation
from chat.support.database import ask
from chat.tokens.bearer import permit, sender
from chat.tokens.limits import limits
from chat.tokens.store import Bearer

API = ProgramApi(
    title="Holdfast",
    version="1",
    urls_namespace="api-v1",
    description="Conversations with agents that hold on. How to begin: docs/api.md.",
    problem=s.ProblemOut,
    problem_type=problems.CONTENT_TYPE,
)

Conversation = Annotated[UUID, Path(description="Of a conversation of yours.")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        pattern=r"^[!-~]*$",
        description="Of your making: the same key again is the same request, and is carried out once.",
    ),
]
#: Ids that are made from keys: (user, key, what it is for).
_NAMESPACE = uuid5(NAMESPACE_URL, "holdfast/api/v1")


def _bearer(request: HttpRequest) -> Bearer:
    found: Bearer = request.auth  # type: ignore[attr-defined]
    return found


def _made(bearer: Bearer, key: str, what: str) -> str:
    """An id: of this key, or a new one."""
    return str(uuid5(_NAMESPACE, f"{bearer.user}/{what}/{key}") if key else uuid4())


async def _submit(bearer: Bearer, conversation: str, command: str, body: Body) -> CommandResult:
    """Carry out a command. Raises Problem for one that was rejected."""
    who = sender(bearer, action_of(body), ENTRANCE.name)
    result = await current().inbox.submit(who, conversation, command, body)
    if result.status == "rejected":
        raise Problem(result.code or "bad_command", after=result.after)
    return result


async def _permitted(request: HttpRequest, body: Body) -> Bearer:
    bearer = _bearer(request)
    permit(bearer, action_of(body))
    return bearer


# ---- who and which ----


@API.get("/token", response=API.answers(s.TokenOut), operation_id="getToken", tags=["Token"])
async def token(request: HttpRequest) -> Any:
    """The token that you show."""
    bearer = _bearer(request)
    scopes = sorted(bearer.scopes)
    return s.TokenOut(
        user=bearer.username,
        name=bearer.name,
        scopes=scopes,
        expires_at=bearer.expires_at,
        per_minute=bearer.per_minute,
    )


@API.get("/agents", response=API.answers(s.AgentList), operation_id="listAgents", tags=["Agents"])
async def agents(request: HttpRequest) -> Any:
    """The agents that may be asked."""
    permit(_bearer(request), "read")

    def work() -> list[s.AgentOut]:
        rows = Agent.objects.filter(enabled=True)
        return [s.AgentOut(slug=row.slug, name=row.name, description=row.description) for row in rows]

    return s.AgentList(agents=await ask(work))


# ---- conversations ----


@API.get(
    "/conversations",
    response=API.answers(s.ConversationPage),
    operation_id="listConversations",
    tags=["Conversations"],
)
async def conversations(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=200, description="What the title contains.")] = "",
    after: Annotated[str, Query(max_length=80, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> Any:
    """Your conversations, newest first, through whichever door they began."""
    bearer = _bearer(request)
    permit(bearer, "read")
    return await ask(reading.page, bearer.user, bordered(q).strip(), after, limit)


@API.post(
    "/conversations",
    response=API.answers(
        s.Begun, "agent_missing", "id_reused", "too_many_waiting", "conversations_full", status=201
    ),
    operation_id="beginConversation",
    tags=["Conversations"],
)
async def begin(request: HttpRequest, wanted: s.Begin, key: Key = "") -> Any:
    """Begin a conversation and, with `text`, say something in it."""
    create = CreateBody(kind="create", agent=wanted.agent, title=wanted.title)
    bearer = await _permitted(request, create)
    conversation = _made(bearer, key, "conversation")
    result = await _submit(bearer, conversation, _made(bearer, key, "create"), create)
    message, run, status, cursor = None, None, _status(result), result.cursor
    if wanted.text is not None:
        said = await _say(bearer, conversation, wanted.text, [], key)
        message, run, status, cursor = said.message, said.run, said.status, said.cursor
    found = s.Begun(conversation=UUID(conversation), message=message, run=run, status=status, cursor=cursor)
    return Status(201, found)


@API.get(
    "/conversations/{uuid:conversation}",
    response=API.answers(s.StateOut, "not_found"),
    operation_id="getConversation",
    tags=["Conversations"],
)
async def state(request: HttpRequest, conversation: Conversation) -> Any:
    """A conversation as it is now: its newest items, its run, and your place for the stream."""
    await _own(request, conversation)
    try:
        loaded = await current().sessions.look(str(conversation))
    except NoConversation:
        raise Problem("not_found") from None
    return HttpResponse(stream.state(str(conversation), loaded), content_type="application/json")


@API.patch(
    "/conversations/{uuid:conversation}",
    response=API.answers(s.Done, "not_found"),
    operation_id="renameConversation",
    tags=["Conversations"],
)
async def rename(request: HttpRequest, conversation: Conversation, wanted: s.Rename) -> Any:
    """Give it another title."""
    body = RenameBody(kind="rename", title=wanted.title)
    return _done(await _submit(await _permitted(request, body), str(conversation), str(uuid4()), body))


@API.put(
    "/conversations/{uuid:conversation}/agent",
    response=API.answers(s.Done, "not_found", "agent_missing", "run_active"),
    operation_id="changeAgent",
    tags=["Conversations"],
)
async def change_agent(request: HttpRequest, conversation: Conversation, wanted: s.ChangeAgent) -> Any:
    """Have another agent answer from here on. While a run is at work it is refused."""
    body = ChangeAgentBody(kind="change_agent", agent=wanted.agent)
    return _done(await _submit(await _permitted(request, body), str(conversation), str(uuid4()), body))


@API.delete(
    "/conversations/{uuid:conversation}",
    response=API.answers(s.Done, "not_found"),
    operation_id="deleteConversation",
    tags=["Conversations"],
)
async def delete(request: HttpRequest, conversation: Conversation) -> Any:
    """Delete it for good. What runs in it is ended."""
    body = DeleteBody(kind="delete")
    return _done(await _submit(await _permitted(request, body), str(conversation), str(uuid4()), body))


@API.get(
    "/conversations/{uuid:conversation}/items",
    response=API.answers(s.ItemPage, "not_found"),
    operation_id="listItems",
    tags=["Conversations"],
)
async def items(
    request: HttpRequest,
    conversation: Conversation,
    before: Annotated[int, Query(ge=0, le=2**53, description="`next` of the page before.")] = 2**53,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> Any:
    """Its items, the newest page first, each page in order."""
    await _own(request, conversation)
    # As they are stored: what another release has put into them is passed on, too.
    params = {"ensure_ascii": False, "separators": (",", ":")}
    return JsonResponse(await ask(reading.items, conversation, before, limit), json_dumps_params=params)


@API.get(
    "/conversations/{uuid:conversation}/events",
    response={**API.answers(None, "not_found", "too_many_open"), 200: None},
    operation_id="followConversation",
    tags=["Conversations"],
    openapi_extra={
        "responses": {
            200: {
                "description": "`snapshot`, `event`, `part` and `gone`; docs/api.md has their shapes.",
                "content": {sse.CONTENT_TYPE: {"schema": {"type": "string"}}},
            }
        }
    },
)
async def follow(
    request: HttpRequest,
    conversation: Conversation,
    cursor: Annotated[
        str, Query(max_length=MAX_CURSOR, description="Where you are; Last-Event-ID comes first.")
    ] = "",
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=MAX_CURSOR)] = "",
) -> HttpResponseBase:
    """Follow it live by server-sent events, from where you are. It goes on over servers and workers that die."""
    bearer = await _own(request, conversation)
    if limits.full(bearer.token):
        raise Problem("too_many_open")
    runtime, id = current(), str(conversation)
    following = Following(runtime.feed, runtime.sessions.journal, id)
    return sse.stream(stream.events(following, id, last or cursor, bearer))


# ---- saying and deciding ----


@API.post(
    "/conversations/{uuid:conversation}/messages",
    response=API.answers(
        s.Said, "not_found", "id_reused", "too_many_waiting", "unknown_attachment", status=201
    ),
    operation_id="sendMessage",
    tags=["Messages"],
)
async def say(request: HttpRequest, conversation: Conversation, wanted: s.Say, key: Key = "") -> Any:
    """Say something. It is answered by a run; follow the conversation, or ask for the run."""
    bearer = _bearer(request)
    permit(bearer, "write")
    files = [str(one) for one in wanted.attachments]
    said = await _say(bearer, str(conversation), wanted.text, files, f"{conversation}/{key}" if key else "")
    return Status(201, said)


@API.get(
    "/conversations/{uuid:conversation}/runs/{uuid:run}",
    response=API.answers(s.RunOut, "not_found"),
    operation_id="getRun",
    tags=["Runs"],
)
async def run(request: HttpRequest, conversation: Conversation, run: UUID) -> Any:
    """What a run has come to."""
    await _own(request, conversation)

    def work() -> replies.Reply | None:
        row = replies.find_run(conversation, str(run))
        return None if row is None else replies.reply_of(row)

    found = await ask(work)
    if found is None:
        raise Problem("not_found")
    status: Any = found.status
    return s.RunOut(id=found.run, status=status, text=found.text, ending=found.ending)


@API.post(
    "/conversations/{uuid:conversation}/stop",
    response=API.answers(s.Done, "not_found", "no_run"),
    operation_id="stopRun",
    tags=["Runs"],
)
async def stop(request: HttpRequest, conversation: Conversation, wanted: s.Stop) -> Any:
    """Stop what runs. It ends at once, or as soon as its worker hears of it."""
    body = StopBody(kind="stop", run=str(wanted.run) if wanted.run else None)
    return _done(await _submit(await _permitted(request, body), str(conversation), str(uuid4()), body))


@API.get(
    "/conversations/{uuid:conversation}/calls/{call}",
    response=API.answers(s.CallOut, "unknown_call"),
    operation_id="getCall",
    tags=["Calls"],
)
async def call(
    request: HttpRequest, conversation: Conversation, call: Annotated[str, Path(max_length=s.MAX_ID)]
) -> Any:
    """A call with all of its arguments and its result."""
    await _own(request, conversation)
    found = await ask(reading.call, conversation, bordered(call))
    if found is None:
        raise Problem("unknown_call")
    return found


@API.post(
    "/conversations/{uuid:conversation}/calls/{call}/decision",
    response=API.answers(s.Done, "unknown_call", "already_decided"),
    operation_id="decideCall",
    tags=["Calls"],
)
async def decide(
    request: HttpRequest,
    conversation: Conversation,
    call: Annotated[str, Path(max_length=s.MAX_ID)],
    wanted: s.Decide,
) -> Any:
    """Allow a call that asks, or refuse it. The first word stands."""
    given = wanted.model_dump()
    body = ApproveBody(kind="approve", call=bordered(call), **given)
    return _done(await _submit(await _permitted(request, body), str(conversation), str(uuid4()), body))


@API.post(
    "/conversations/{uuid:conversation}/calls/{call}/settlement",
    response=API.answers(s.Done, "unknown_call", "already_settled"),
    operation_id="settleCall",
    tags=["Calls"],
)
async def settle(
    request: HttpRequest,
    conversation: Conversation,
    call: Annotated[str, Path(max_length=s.MAX_ID)],
    wanted: s.Settle,
) -> Any:
    """Say what became of a call in doubt."""
    body = SettleBody(kind="settle", call=bordered(call), decision=wanted.decision, result=wanted.result)
    return _done(await _submit(await _permitted(request, body), str(conversation), str(uuid4()), body))


# ---- what they share ----


async def _own(request: HttpRequest, conversation: UUID) -> Bearer:
    """Who asks, if they may read this conversation. Of what is not theirs they do not learn that it is there."""
    bearer = _bearer(request)
    permit(bearer, "read")
    if not await ask(reading.is_own, bearer.user, conversation):
        raise Problem("not_found")
    return bearer


async def _say(bearer: Bearer, conversation: str, text: str, files: list[str], key: str) -> s.Said:
    message = _made(bearer, key, "message")
    body = SendBody(kind="send", message=message, text=text, attachments=tuple(files))
    result = await _submit(bearer, conversation, _made(bearer, key, "send"), body)
    expected = await ask(replies.expected, conversation, message)
    return s.Said(message=UUID(message), run=expected or None, status=_status(result), cursor=result.cursor)


def _status(result: CommandResult) -> Any:
    return result.status


def _done(result: CommandResult) -> s.Done:
    return s.Done(status=_status(result), cursor=result.cursor)
