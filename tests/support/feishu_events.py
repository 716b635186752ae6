"""Requests as Feishu sends them to a webhook: encrypted and signed by a writing of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Json = dict[str, Any]


def encrypt(key: str, text: bytes, iv: bytes | None = None) -> str:
    """AES-256-CBC with PKCS7, the IV in front, in base64."""
    iv = iv or os.urandom(16)
    missing = 16 - len(text) % 16
    sealer = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    sealed = sealer.update(text + bytes([missing]) * missing) + sealer.finalize()
    return base64.b64encode(iv + sealed).decode()


def signed(
    event: Json, key: str, *, raw: bytes | None = None, at: float | None = None
) -> tuple[bytes, dict[str, str]]:
    """(body, headers in lower case) of an event for an app with an Encrypt Key, sent `at` this time (now); `raw`
    replaces the body."""
    if raw is None:
        raw = json.dumps({"encrypt": encrypt(key, json.dumps(event).encode())}).encode()
    stamp, nonce = str(int(time.time() if at is None else at)), uuid.uuid4().hex[:10]
    signature = hashlib.sha256((stamp + nonce + key).encode() + raw).hexdigest()
    return raw, {
        "x-lark-request-timestamp": stamp,
        "x-lark-request-nonce": nonce,
        "x-lark-signature": signature,
    }


def message_event(
    text: str | None = None,
    *,
    app_id: str = "cli_1",
    token: str = "token-1",
    message_id: str = "",
    chat: str = "oc_chat",
    chat_type: str = "p2p",
    sender: str = "ou_alice",
    sender_type: str = "user",
    thread: str = "",
    kind: str = "text",
    content: Json | None = None,
    mentions: list[Json] | None = None,
    at_ms: int | None = None,
    parent: str = "",
    root: str = "",
) -> Json:
    """An `im.message.receive_v1` event. `parent`: the message that it answers."""
    at = str(at_ms or time.time_ns() // 1_000_000)
    message: Json = {
        "message_id": message_id or f"om_{uuid.uuid4().hex}",
        "chat_id": chat,
        "chat_type": chat_type,
        "message_type": kind,
        "content": json.dumps(content if content is not None else {"text": text}),
        "create_time": at,
        "mentions": mentions or [],
    }
    if thread:
        message["thread_id"] = thread
    if parent:
        message |= {"parent_id": parent, "root_id": root or parent}
    return {
        "schema": "2.0",
        "header": _header("im.message.receive_v1", app_id, token, at),
        "event": {
            "sender": {"sender_id": {"open_id": sender}, "sender_type": sender_type, "tenant_key": "t"},
            "message": message,
        },
    }


def item(id: str, text: str = "", *, sender: str = "ou_ann", kind: str = "text", **more: Any) -> Json:
    """A message as the API tells it."""
    content = json.dumps(more.pop("content", {"text": text}))
    by = {"id": sender, "id_type": "open_id", "sender_type": "user"}
    return {
        "message_id": id,
        "msg_type": kind,
        "body": {"content": content},
        "sender": by,
        "deleted": False,
        **more,
    }


def recall_event(
    message: str, *, chat: str = "oc_chat", app_id: str = "cli_1", token: str = "token-1"
) -> Json:
    """An `im.message.recalled_v1` event."""
    at = str(time.time_ns() // 1_000_000)
    event = {"message_id": message, "chat_id": chat, "recall_time": at, "recall_type": "message_owner"}
    header = _header("im.message.recalled_v1", app_id, token, at)
    return {"schema": "2.0", "header": header, "event": event}


def action_event(
    value: Json,
    *,
    app_id: str = "cli_1",
    token: str = "token-1",
    chat: str = "oc_chat",
    operator: str = "ou_alice",
) -> Json:
    """A `card.action.trigger` event: somebody pressed a button that carries `value`."""
    at = str(time.time_ns() // 1_000)
    return {
        "schema": "2.0",
        "header": _header("card.action.trigger", app_id, token, at),
        "event": {
            "operator": {"open_id": operator},
            "action": {"tag": "button", "value": value},
            "context": {"open_chat_id": chat, "open_message_id": "om_card"},
        },
    }


def _header(kind: str, app_id: str, token: str, at: str) -> Json:
    return {
        "event_id": uuid.uuid4().hex,
        "event_type": kind,
        "app_id": app_id,
        "token": token,
        "create_time": at,
    }
