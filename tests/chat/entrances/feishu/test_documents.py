"""Documents that a message links to are read as files of it, for those for whom the app may."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.entrances.feishu import documents
from chat.entrances.feishu.models import FeishuApp, FeishuUser
from chat.models import Attachment, Message
from tests.chat.entrances.feishu.house import House

DOC, SHEET, PAGE = "DoxcnAbCdEfGhIjKlMnOpQr", "ShtcnAbCdEfGhIjKlMnOpQr", "WikcnAbCdEfGhIjKlMnOpQr"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"see https://acme.feishu.cn/docx/{DOC}?from=x.", [("docx", DOC)]),
        (
            f"[a](https://acme.larksuite.com/wiki/{PAGE}) https://a.b.larkoffice.com/sheets/{SHEET}#s",
            [("wiki", PAGE), ("sheets", SHEET)],
        ),
        (f"https://acme.feishu.cn/docx/{DOC} https://acme.feishu.cn/docx/{DOC}", [("docx", DOC)]),
        (f"https://feishu.cn.evil.example/docx/{DOC}", []),
        (f"https://evilfeishu.cn/docx/{DOC}", []),
        (f"http://acme.feishu.cn/docx/{DOC}", []),
        ("https://acme.feishu.cn/docx/../../im/v1", []),
        (f"https://acme.feishu.cn/base/{DOC}", []),
        (
            " ".join(f"https://a.feishu.cn/docx/{DOC}{n}" for n in range(9)),
            [("docx", f"{DOC}{n}") for n in range(3)],
        ),
    ],
)
def test_what_is_a_link_to_a_document(text: str, found: list[tuple[str, str]]) -> None:
    assert [(kind, token) for kind, token, _ in documents.linked(text)] == found


@pytest.mark.parametrize(
    ("number", "name"), [(1, "A"), (26, "Z"), (27, "AA"), (52, "AZ"), (702, "ZZ"), (703, "AAA")]
)
def test_names_of_columns(number: int, name: str) -> None:
    assert documents.column(number) == name


async def allow(policy: str) -> None:
    await FeishuApp.objects.aupdate(documents=policy)


async def kept(house: House) -> list[tuple[str, str]]:
    """The files of the one message in the conversation, with their text."""
    said = await Message.objects.aget(kind="message")
    found = []
    for ref in said.body["attachments"]:
        row = await Attachment.objects.aget(id=ref["id"])
        found.append((ref["name"], await sync_to_async(content)(row)))
    return found


def content(row: Attachment) -> str:
    with row.file.open() as file:
        return str(file.read().decode())


async def test_documents_spreadsheets_and_wiki_pages_are_files_of_the_message(house: Any) -> None:
    await allow("everyone")
    house.feishu.documents = {
        DOC: "What we decided.",
        SHEET: [
            ("s1", "Costs", [["Item", "Price"], [[{"text": "Te"}, {"text": "a"}], 3], [None, None]]),
            ("s2", "hidden", [["secret"]]),
            ("s3", "More", [["a,b"]]),
        ],
        f"wiki {PAGE}": {"obj_type": "docx", "obj_token": DOC, "title": "Minutes"},
    }
    links = (
        f"https://a.feishu.cn/docx/{DOC} https://a.feishu.cn/sheets/{SHEET} https://a.feishu.cn/wiki/{PAGE}"
    )
    await house.say(f"Sum these up: {links}")
    await house.answered("Hello!")
    assert await kept(house) == [
        (f"docx-{DOC}.md", "What we decided."),
        (f"sheets-{SHEET}.csv", '# Costs\nItem,Price\nTea,3\n\n# More\n"a,b"\n'),
        (f"wiki-{PAGE}.md", "# Minutes\n\nWhat we decided."),
    ]


@pytest.mark.parametrize(
    ("policy", "linked", "read"),
    [("nobody", True, 0), ("linked", False, 0), ("linked", True, 1), ("everyone", False, 1)],
)
async def test_W11_they_are_read_for_those_whom_the_administrator_named(
    house: Any, bob: Any, policy: str, linked: bool, read: int
) -> None:
    await allow(policy)
    house.feishu.documents = {DOC: "Text."}
    if linked:
        app = await FeishuApp.objects.aget()
        await FeishuUser.objects.acreate(app=app, open_id="ou_ann", user=bob)
    await house.say(f"https://a.feishu.cn/docx/{DOC}", sender="ou_ann")
    await house.answered("Hello!")
    assert len(await kept(house)) == read
    asked = [route for _, route in house.feishu.requests if "docx" in route]
    assert len(asked) == read, "what may not be read is not asked for"


async def test_what_is_not_shared_with_the_app_or_no_text_is_said_in_words(house: Any) -> None:
    await allow("everyone")
    house.feishu.documents = {f"wiki {PAGE}": {"obj_type": "bitable", "obj_token": DOC, "title": "Base"}}
    await house.say(f"https://a.feishu.cn/docx/{DOC} https://a.feishu.cn/wiki/{PAGE}")
    await house.answered("Hello!")
    said = await Message.objects.aget(kind="message")
    lines = said.body["text"].split("\n")
    assert lines[1].startswith(f"[docx-{DOC}.md was attached and cannot be read") and "1770032" in lines[1]
    assert "Only documents and spreadsheets" in lines[2]


async def test_a_large_document_is_refused_as_a_large_file_is(house: Any, settings: Any) -> None:
    await allow("everyone")
    settings.HOLDFAST_MAX_FILE_BYTES = 1_000
    house.feishu.documents = {DOC: "x" * 1_001}
    await house.say(f"https://a.feishu.cn/docx/{DOC}")
    await house.answered("Hello!")
    said = await Message.objects.aget(kind="message")
    assert "The file is too large" in said.body["text"] and not said.body["attachments"]
