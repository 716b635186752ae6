"""What OpenAI's clients send, as far as it is read here, and the shapes of what they get.

Clients send much that says how a model is to answer (`temperature`, `max_tokens`, …). An agent has its own settings, so
that is taken and not used. What would change what is meant (`tools`, several choices) is refused.
"""

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from chat.commands import MAX_SLUG

#: Messages of one request.
MAX_MESSAGES = 2_000

Slug = Annotated[
    str, Field(min_length=1, max_length=MAX_SLUG, description="An agent's slug: see /v1/models.")
]
Message = Annotated[dict[str, Any], Field(description="`role` and `content`, as OpenAI describes them.")]


class Taken(Schema):
    """What else a client sends is let pass."""

    model_config = ConfigDict(extra="allow")


class StreamOptions(Taken):
    include_usage: bool = False


class ChatRequest(Taken):
    """POST /v1/chat/completions. What is new in `messages` (after the last of the role assistant) is asked."""

    model: Slug
    messages: Annotated[
        list[Message],
        Field(min_length=1, max_length=MAX_MESSAGES, examples=[[{"role": "user", "content": "Hi"}]]),
    ]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = 1
    tools: (
        Annotated[list[Any], Field(max_length=0, description="Agents use their own tools, here.")] | None
    ) = None


class ResponsesRequest(Taken):
    """POST /v1/responses. It goes on after `previous_response_id`, or in `conversation` (one of Holdfast's ids)."""

    model: Slug
    input: str | Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    instructions: str | None = None
    stream: bool | None = False
    background: bool | None = False
    previous_response_id: Annotated[str, Field(max_length=80)] | None = None
    conversation: Annotated[str, Field(max_length=80)] | dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    tools: (
        Annotated[list[Any], Field(max_length=0, description="Agents use their own tools, here.")] | None
    ) = None


class ModelOut(Schema):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "holdfast"
    #: Not OpenAI's: what people call the agent, and what it is for.
    name: str = ""
    description: str = ""


class ModelList(Schema):
    object: Literal["list"] = "list"
    data: list[ModelOut]


class Completion(Schema):
    """A `chat.completion`, as OpenAI describes it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Any]
    usage: Any


class ResponseOut(Schema):
    """A `response`, as OpenAI describes it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["response"]
    created_at: float
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    model: str
    output: list[Any]


class ErrorBody(Schema):
    message: str
    type: str
    param: str | None
    code: str


class ErrorOut(Schema):
    """An error as OpenAI's clients read it."""

    error: ErrorBody
