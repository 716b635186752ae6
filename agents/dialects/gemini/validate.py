"""The gate before every Gemini request. As the other gates it is written from the rules, not from the renderer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.dialects.rules import Violation, function_name, held, plain_object, plain_text, tools_declared
from agents.providers.base import Profile

_FIELDS = {"model", "contents", "systemInstruction", "tools", "generationConfig"}
_KINDS = ("text", "inlineData", "functionCall", "functionResponse")


def validate(body: Mapping[str, Any], profile: Profile) -> list[Violation]:
    """All rules that `body` breaks; an empty list means that it may be sent. Never raises."""
    return held(_rules(body, profile))


def _rules(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    if unknown := sorted(body.keys() - _FIELDS):
        yield Violation("V9", "body", f"fields that are not known: {unknown}")
    contents = body.get("contents")
    if not isinstance(contents, Sequence) or isinstance(contents, str) or not contents:
        yield Violation("V11", "contents", "there are none")
        return
    for part in body.get("systemInstruction", {}).get("parts", ()):
        yield from plain_text("systemInstruction", part.get("text"))
    declared = [function for tool in body.get("tools", ()) for function in tool["functionDeclarations"]]
    yield from tools_declared({"tools": declared} if "tools" in body else {})
    yield from _turns(contents, profile)
    yield from _pairs(contents)
    sees = profile.sees(str(body.get("model")))
    for place, content in enumerate(contents):
        for number, part in enumerate(content["parts"]):
            yield from _part(f"contents[{place}].parts[{number}]", content["role"], part, sees)
        yield from _signatures(f"contents[{place}]", content, profile)


def _turns(contents: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    """A turn of calls stands behind a user's or behind results, and where a line must stand there, so does nothing of
    the user's behind results; nothing begins or ends with the model."""
    before = ""
    for place, content in enumerate(contents):
        where, role = f"contents[{place}]", content["role"]
        if role not in ("user", "model"):
            yield Violation("V8", where, f"role {role!r}")
        if not content["parts"]:
            yield Violation("V9", where, "a turn without parts")
        if role == "model" and before != "user":
            yield Violation("V11", where, f"model after {before or 'nothing'}")
        if profile.bridge and role == before == "user":
            yield Violation("V8", where, "a second turn of the user's")
        before = role
    if before != "user":
        yield Violation("V11", "the end", f"ends on {before}")


def _pairs(contents: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    """The turn behind the calls has their results and nothing else, one each, in their order."""
    asked: list[tuple[Any, Any]] = []
    seen: set[Any] = set()
    for place, content in enumerate(contents):
        where = f"contents[{place}]"
        results = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        came = [(result.get("id"), result.get("name")) for result in results]
        if lost := [one for one in asked if one not in came]:
            yield Violation("V1", where, f"no results of {lost!r}")
        if stray := [one for one in came if one not in asked]:
            yield Violation("V2", where, f"results {stray!r} without a call in the turn before")
        if len(set(came)) < len(came):
            yield Violation("V4", where, "a second result for one call")
        if came and len(came) < len(content["parts"]):
            yield Violation("V3", where, "something else stands in the turn of the results")
        if not lost and not stray and came != asked:
            yield Violation("V7", where, "results are not in the order of the calls")
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        if calls and content["role"] != "model":
            yield Violation("V2", where, "a call of the user")
        asked = [(call.get("id"), call.get("name")) for call in calls]
        for id, _ in asked:
            if not isinstance(id, str) or id.strip() in ("", "null", "undefined", "None"):
                yield Violation("V5", where, f"call id {id!r}")
            elif not re.fullmatch(r"[A-Za-z0-9]{9}", id):
                yield Violation("V6", where, f"call id {id!r}")
            if id in seen:
                yield Violation("V4", where, f"call id {id!r} is used twice")
            seen.add(id)
    if asked:
        yield Violation("V1", "the end", f"no results of {asked!r}")


def _part(where: str, role: str, part: Mapping[str, Any], sees: bool) -> Iterator[Violation]:
    kinds = [kind for kind in _KINDS if kind in part]
    if len(kinds) != 1 or part.keys() - {*kinds, "thoughtSignature"}:
        yield Violation("V9", where, f"a part of {sorted(part)}")
        return
    match kinds[0]:
        case "text":
            yield from plain_text(where, part["text"])
        case "inlineData":
            picture = part["inlineData"]
            if not sees:
                yield Violation("V9", where, "an image for a model that cannot see")
            if role != "user" or picture.get("mimeType") not in ("image/png", "image/jpeg", "image/webp"):
                yield Violation("V9", where, "an image of a kind that is not taken, or not from a user")
            if not re.match(r"[A-Za-z0-9+/]", str(picture.get("data"))):
                yield Violation("V9", where, "an image without data")
        case "functionCall":
            yield from function_name(where, part["functionCall"].get("name"))
            yield from plain_object(where, part["functionCall"].get("args"))
        case "functionResponse":
            response = part["functionResponse"].get("response")
            if (
                not isinstance(response, dict)
                or len(response) != 1
                or not response.keys() <= {"output", "error"}
            ):
                yield Violation("V9", where, "a result that is no object with an output or an error")
            else:
                yield from plain_text(where, next(iter(response.values())))


def _signatures(where: str, content: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    calls = [part for part in content["parts"] if "functionCall" in part]
    signed = [part.get("thoughtSignature") for part in content["parts"] if "thoughtSignature" in part]
    if signed and (not profile.signatures or content["role"] != "model"):
        yield Violation("V14", where, "a signature for a provider that did not issue it")
    if any(not isinstance(signature, str) or not signature.strip() for signature in signed):
        yield Violation("V14", where, "a blank thought signature")
    if profile.signatures and calls and not any("thoughtSignature" in part for part in calls):
        yield Violation("V14", where, "calls without a thought signature")
