"""Documents of Feishu that a message links to, as text: new documents, spreadsheets, and pages of a wiki that are one.

    a link in a text ─► (kind, token) ─► wiki: what stands behind the page ─► the raw text, or the cells as CSV

They are read with the app's right, so the app says for whom (`FeishuApp.documents`).
"""

import csv
import io
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

Json = dict[str, Any]
#: What asks Feishu's API: method and path → `data` of its answer. Raises MessengerError.
Ask = Callable[[str, str], Awaitable[Json]]

KINDS = ("docx", "wiki", "sheets")
#: Documents of one message, sheets of one spreadsheet, and rows of one sheet; Feishu gives 10 MB in one answer.
MAX_DOCUMENTS, MAX_SHEETS, MAX_ROWS, MAX_COLUMNS = 3, 5, 2_000, 100
LINK = re.compile(
    r"https://(?:[a-z0-9-]+\.)*(?:feishu\.cn|larksuite\.com|larkoffice\.com)/(docx|wiki|sheets)/([A-Za-z0-9]{10,64})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
TOKEN = re.compile(r"[A-Za-z0-9]{1,64}")


def linked(text: str) -> tuple[tuple[str, str, str], ...]:
    """The documents that a text links to, as files of a message: (kind, token, name). Each once, the first ones."""
    found = dict.fromkeys((kind.lower(), token) for kind, token in LINK.findall(text))
    return tuple(
        (kind, token, f"{kind}-{token}.{'csv' if kind == 'sheets' else 'md'}")
        for kind, token in list(found)[:MAX_DOCUMENTS]
    )


async def read(ask: Ask, kind: str, token: str) -> bytes:
    """A document as UTF-8 text. Raises ValueError, in words for the person, for what cannot be read as text, and
    MessengerError."""
    title = ""
    if kind == "wiki":
        node = _dict(await ask("GET", f"/open-apis/wiki/v2/spaces/get_node?token={token}"), "node")
        kind, token, title = (str(node.get(name) or "") for name in ("obj_type", "obj_token", "title"))
    if not TOKEN.fullmatch(token) or kind not in ("docx", "sheet", "sheets"):
        raise ValueError(_("Only documents and spreadsheets of Feishu can be read by their links."))
    if kind == "docx":
        content = (await ask("GET", f"/open-apis/docx/v1/documents/{token}/raw_content")).get("content")
        text = str(content or "")
    else:
        text = await _cells(ask, token)
    return "\n\n".join(filter(None, (title and f"# {title}", text))).encode("utf-8", "replace")


async def _cells(ask: Ask, token: str) -> str:
    """The cells of a spreadsheet's visible sheets as CSV, each under its title."""
    sheets = (await ask("GET", f"/open-apis/sheets/v3/spreadsheets/{token}/sheets/query")).get("sheets")
    shown = [
        one
        for one in (sheets if isinstance(sheets, list) else [])
        if isinstance(one, dict)
        and not one.get("hidden")
        and one.get("resource_type", "sheet") == "sheet"
        and TOKEN.fullmatch(str(one.get("sheet_id") or ""))
    ]
    parts = []
    for sheet in shown[:MAX_SHEETS]:
        grid = _dict(sheet, "grid_properties")
        rows = min(_number(grid.get("row_count"), MAX_ROWS), MAX_ROWS)
        columns = min(_number(grid.get("column_count"), MAX_COLUMNS), MAX_COLUMNS)
        place = quote(f"{sheet['sheet_id']}!A1:{column(columns)}{rows}", safe="!:")
        path = f"/open-apis/sheets/v2/spreadsheets/{token}/values/{place}?valueRenderOption=ToString"
        values = _dict(await ask("GET", path), "valueRange").get("values")
        told = _csv(values if isinstance(values, list) else [])
        parts.append(f"# {sheet.get('title') or ''}\n{told}" if len(shown) > 1 else told)
    if len(shown) > MAX_SHEETS:
        parts.append(_("(There are {count} more sheets.)").format(count=len(shown) - MAX_SHEETS))
    return "\n".join(parts)


def column(number: int) -> str:
    """The name of a column, from 1 on: A, B, …, Z, AA."""
    name = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _csv(rows: list[Any]) -> str:
    kept = [[_cell(cell) for cell in row] if isinstance(row, list) else [] for row in rows]
    while kept and not any(kept[-1]):
        kept.pop()
    told = io.StringIO()
    writer = csv.writer(told, lineterminator="\n")
    for row in kept:
        last = max((n for n, cell in enumerate(row, 1) if cell), default=0)
        writer.writerow(row[:last])
    return told.getvalue()


def _cell(cell: Any) -> str:
    """A cell's text; rich ones are lists of parts."""
    if isinstance(cell, list):
        return "".join(_cell(part) for part in cell)
    if isinstance(cell, dict):
        return str(cell.get("text") or cell.get("link") or "")
    return "" if cell is None else str(cell)


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) and value > 0 else default


def _dict(of: Json, name: str) -> Json:
    found = of.get(name)
    return found if isinstance(found, dict) else {}
