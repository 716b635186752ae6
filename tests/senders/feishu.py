"""Feishu's own SDK as a witness of our client, of our webhook's tests, and of the server that plays Feishu in them.

    python -m tests.senders.feishu

    the SDK and our client do the same ──► the playing server must be asked for the same, and the SDK must understand it
    our events ──► the SDK's dispatcher must open them, and its models must know every field

In the environment of requirements-senders.txt: `make test` does not need the SDK, and Holdfast never imports it.
"""

# ruff: noqa: E402 - Django must be set up first
from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

import lark_oapi as lark
from lark_oapi.api.cardkit.v1 import model as cardkit
from lark_oapi.api.docx.v1 import model as docx
from lark_oapi.api.im.v1 import model as im
from lark_oapi.api.sheets.v3 import model as sheets
from lark_oapi.api.wiki.v2 import model as wiki
from lark_oapi.event.callback.model.p2_card_action_trigger import (
    P2CardActionTriggerData,
    P2CardActionTriggerResponse,
)
from lark_oapi.event.dispatcher_handler import EventDispatcherHandler

from chat.entrances.feishu import card_json, documents
from chat.entrances.feishu.client import FeishuClient
from chat.entrances.feishu.models import FeishuApp
from chat.messenger.adapter import Button, Card, CardText, Target
from tests.support import feishu_events
from tests.support.feishu_server import FeishuServer

Json = dict[str, Any]
#: A request without what differs from one to the next.
Asked = tuple[str, str, dict[str, list[str]], Json]
CARD = Card(
    (CardText("status", "**Working**"), CardText("text", ""), Button("Stop", {"act": "stop"})), "s", True
)
REST = Card((CardText("status", "**Done**"),), "s", False)
MENTION = {"key": "@_user_1", "id": {"open_id": "ou_b"}, "name": "B"}
CONTENT = card_json.message("Hello")
DOCUMENT, SPREADSHEET = "WikcnAbCdEfGhIjKlMnOpQr", "ShtcnAbCdEfGhIjKlMnOpQr"


class Recorder(FeishuServer):
    """The server, with what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []

    def _route(self, method: str, path: str, authorization: str, body: Json) -> Json | bytes:
        parts = urlsplit(path)
        if "/auth/" not in path:
            self.asked.append((method, parts.path, parse_qs(parts.query), body))
        return super()._route(method, path, authorization, body)

    def take(self) -> list[Asked]:
        asked, self.asked = self.asked, []
        return asked


async def ours(server: Recorder, question: str) -> str:
    """Everything that our client does, once; the card's id."""
    app = FeishuApp(app_id=server.app_id, secret=server.secret, base_url=server.url)
    client = FeishuClient(app)
    try:
        await client.send(Target("oc_a"), "interactive", CONTENT, "u1")
        await client.send(Target("oc_a", reply_to=question, thread=True), "text", '{"text": "x"}', "u2")
        card = await client.make_card(CARD)
        await client.send_card(Target("oc_a"), card, "u3")
        await client.stream(card, "text", "So far", 1)
        await client.settle(card, REST, 2)
        assert [one.said.text for one in await client.message(question)] == ["What?"]
        assert await client.file(question, "k", "file", 100) == b"bytes"
        assert await client.file(question, DOCUMENT, "wiki", 100) == b"# Minutes\n\nDecided."
        assert await client.file(question, SPREADSHEET, "sheets", 100) == b"a,b\n"
        return card
    finally:
        await client.aclose()


def theirs(server: Recorder, question: str) -> str:
    """The same by the SDK; the card's id."""
    client = lark.Client.builder().app_id(server.app_id).app_secret(server.secret).domain(server.url).build()

    def done(answer: Any) -> Any:
        assert answer.success(), (answer.code, answer.msg)
        return getattr(answer, "data", None)

    def create(kind: str, content: str, uuid: str) -> None:
        body = (
            im.CreateMessageRequestBody.builder()
            .receive_id("oc_a")
            .msg_type(kind)
            .content(content)
            .uuid(uuid)
            .build()
        )
        request = im.CreateMessageRequest.builder().receive_id_type("chat_id").request_body(body).build()
        assert done(client.im.v1.message.create(request)).message_id.startswith("om_")

    create("interactive", CONTENT, "v1")
    reply = (
        im.ReplyMessageRequestBody.builder()
        .content('{"text": "x"}')
        .msg_type("text")
        .reply_in_thread(True)
        .uuid("v2")
        .build()
    )
    done(
        client.im.v1.message.reply(
            im.ReplyMessageRequest.builder().message_id(question).request_body(reply).build()
        )
    )
    data = json.dumps(card_json.card(CARD), ensure_ascii=False)
    make = cardkit.CreateCardRequestBody.builder().type("card_json").data(data).build()
    card: str = done(
        client.cardkit.v1.card.create(cardkit.CreateCardRequest.builder().request_body(make).build())
    ).card_id
    create("interactive", json.dumps({"type": "card", "data": {"card_id": card}}), "v3")
    text = cardkit.ContentCardElementRequestBody.builder().content("So far").sequence(1).build()
    stream = (
        cardkit.ContentCardElementRequest.builder()
        .card_id(card)
        .element_id("text")
        .request_body(text)
        .build()
    )
    done(client.cardkit.v1.card_element.content(stream))
    config = json.dumps({"config": {"streaming_mode": False}})
    settings = cardkit.SettingsCardRequestBody.builder().settings(config).sequence(2).build()
    done(
        client.cardkit.v1.card.settings(
            cardkit.SettingsCardRequest.builder().card_id(card).request_body(settings).build()
        )
    )
    shown = (
        cardkit.Card.builder()
        .type("card_json")
        .data(json.dumps(card_json.card(REST), ensure_ascii=False))
        .build()
    )
    update = cardkit.UpdateCardRequestBody.builder().card(shown).sequence(3).build()
    done(
        client.cardkit.v1.card.update(
            cardkit.UpdateCardRequest.builder().card_id(card).request_body(update).build()
        )
    )
    (item,) = done(
        client.im.v1.message.get(im.GetMessageRequest.builder().message_id(question).build())
    ).items
    assert json.loads(item.body.content) == {"text": "What?"} and item.sender.id == "ou_ann"
    get = im.GetMessageResourceRequest.builder().message_id(question).file_key("k").type("file").build()
    assert client.im.v1.message_resource.get(get).file.read() == b"bytes"
    documents_by_theirs(client, done)
    return card


def documents_by_theirs(client: Any, done: Any) -> None:
    """The documents that our client reads, by the SDK; of the values of cells it has no model."""
    page = wiki.GetNodeSpaceRequest.builder().token(DOCUMENT).build()
    node = done(client.wiki.v2.space.get_node(page)).node
    assert (node.obj_type, node.title) == ("docx", "Minutes")
    raw = docx.RawContentDocumentRequest.builder().document_id(node.obj_token).build()
    assert done(client.docx.v1.document.raw_content(raw)).content == "Decided."
    query = sheets.QuerySpreadsheetSheetRequest.builder().spreadsheet_token(SPREADSHEET).build()
    (sheet,) = done(client.sheets.v3.spreadsheet_sheet.query(query)).sheets
    grid = sheet.grid_properties
    place = f"{sheet.sheet_id}!A1:{documents.column(grid.column_count)}{grid.row_count}"
    cells = (
        lark.BaseRequest.builder()
        .http_method(lark.HttpMethod.GET)
        .uri(f"/open-apis/sheets/v2/spreadsheets/{SPREADSHEET}/values/{place}")
        .queries([("valueRenderOption", "ToString")])
        .token_types({lark.AccessTokenType.TENANT})
        .build()
    )
    assert json.loads(client.request(cells).raw.content)["data"]["valueRange"]["values"] == [["a", "b"]]


def same(asked: list[Asked], card: str) -> list[Asked]:
    """Requests without ids that are made anew each time."""
    cleaned: list[Asked] = []
    for method, path, query, body in asked:
        known = {name: value for name, value in body.items() if name != "uuid"} | (
            {"uuid": "…"} if "uuid" in body else {}
        )
        cleaned.append(
            (method, path.replace(card, "…"), query, json.loads(json.dumps(known).replace(card, "…")))
        )
    return cleaned


def check_requests() -> int:
    server = FeishuServerForBoth()
    with server:
        question = server.question
        first = same_of(server, asyncio.run(ours(server, question)))
        server.advance(60)  # so that the chat takes messages again
        second = same_of(server, theirs(server, question))
        assert len(first) == len(second), (first, second)
        for mine, their in zip(first, second, strict=True):
            assert mine == their, f"\nours:   {mine}\nthe SDK: {their}"
        return len(first)


class FeishuServerForBoth(Recorder):
    """With a message of a person, and a file in it."""

    question = "om_question"

    def __init__(self) -> None:
        super().__init__()
        self.receive("oc_a", self.question)
        self.documents = {
            f"wiki {DOCUMENT}": {
                "obj_type": "docx",
                "obj_token": "DoxcnAbCdEfGhIjKlMnOpQr",
                "title": "Minutes",
            },
            "DoxcnAbCdEfGhIjKlMnOpQr": "Decided.",
            SPREADSHEET: [("s1", "Sheet", [["a", "b"]])],
        }
        self.items[self.question] = [feishu_events.item(self.question, "What?")]
        self.files["k"] = b"bytes"


def same_of(server: Recorder, card: str) -> list[Asked]:
    return same(server.take(), card)


def unknown(of: Any, model: Any, path: str = "") -> list[str]:
    """Fields of an event that the SDK's model does not know."""
    types: dict[str, Any] = getattr(model, "_types", {})
    if isinstance(of, list):
        return [one for each in of for one in unknown(each, model, path)]
    if not isinstance(of, dict) or not types:
        return []
    found = [f"{path}.{name}" for name in of if name not in types]
    return found + [
        one
        for name, value in of.items()
        if name in types
        for one in unknown(value, types[name], f"{path}.{name}")
    ]


def check_events() -> int:
    """Our events through the SDK's dispatcher, encrypted and signed; and their fields in its models."""
    seen: list[Any] = []
    handler = (
        EventDispatcherHandler.builder("k1", "token-1")
        .register_p2_im_message_receive_v1(seen.append)
        .register_p2_im_message_recalled_v1(seen.append)
        .register_p2_card_action_trigger(lambda event: seen.append(event) or P2CardActionTriggerResponse({}))
        .build()
    )
    events = {
        "message": feishu_events.message_event("hi", thread="omt_1", parent="om_1", mentions=[MENTION]),
        "recall": feishu_events.recall_event("om_1"),
        "press": feishu_events.action_event({"act": "stop", "lane": 1, "thread": ""}),
    }
    models = {
        "message": im.P2ImMessageReceiveV1Data,
        "recall": im.P2ImMessageRecalledV1Data,
        "press": P2CardActionTriggerData,
    }
    for name, event in events.items():
        raw, headers = feishu_events.signed(event, "k1")
        request = lark.RawRequest()
        request.uri, request.body = "/", raw
        request.headers = {
            "-".join(part.title() for part in key.split("-")): value for key, value in headers.items()
        }
        answer = handler.do(request)
        assert answer.status_code == 200, (name, answer.content)
        assert not (odd := unknown(event["event"], models[name]())), f"{name}: the SDK knows no {odd}"
    assert seen[0].event.message.parent_id == "om_1" and seen[1].event.message_id == "om_1"
    assert seen[2].event.action.value["act"] == "stop"
    item = feishu_events.item(
        "om_1", "x", upper_message_id="om_2", mentions=[{"key": "@_user_1", "id": "ou_b", "name": "B"}]
    )
    assert not (odd := unknown(item, im.Message())), f"the SDK knows no {odd}"
    return len(events) + 1


def main() -> int:
    requests, events = check_requests(), check_events()
    print(
        f"Feishu's SDK: {requests} requests as it makes them, {events} kinds of events and messages as it reads them"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
