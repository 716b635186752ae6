"""The requests that the demo model understands, found in plain English and Chinese."""

import re
from dataclasses import dataclass
from typing import Literal

from agents.tools.current_time.places import PLACES

#: Characters of a message that are looked at; patterns must not be fed without a bound.
MAX_CHARS = 2_000

Kind = Literal["greeting", "long", "call"]


@dataclass(frozen=True)
class AskedFor:
    """One thing that was asked for. `tool` is empty for what needs no tool."""

    kind: Kind
    tool: str = ""
    arguments: tuple[tuple[str, str | int], ...] = ()
    topic: str = ""


_URL = re.compile(r"https?://[^\s<>\"'，。！？）)]+[^\s<>\"'，。！？）).,!?]")
_CONNECTOR = re.compile(
    r"(\s*(?:[,;，；、\n]|\band\b|\bthen\b|\balso\b|\bplus the\b|和|以及|还有|同时|然后|再)\s*)",
    re.IGNORECASE,
)
_END = re.compile(r"[\s.!?。！？]+$")

_REMEMBER = re.compile(
    r"^\W*(?:please\s+|can you\s+|could you\s+)*(?:remember|note(?: down)?|make a note|take a note|write down)\b"
    r"(?:\s+that|\s*:)?\s+(?P<en>.+)|^(?:请|帮我|你)*(?:记住|记下来?|记一下|记录一下)[:：,，\s]*(?P<zh>.+)",
    re.IGNORECASE | re.DOTALL,
)
_LIST = re.compile(
    r"\b(?:list|show|what are|read)\b.{0,12}\bnotes\b|\bwhat do you remember\b|^\W*(?:my )?notes\W*$"
    r"|(?:列出|查看|看看|显示|有哪些).{0,6}(?:笔记|备忘)|(?:我的)?(?:笔记|备忘)(?:列表|有哪些)|你记得什么",
    re.IGNORECASE,
)
_FORGET = re.compile(
    r"(?:delete|remove|forget)\s+(?:the\s+)?note\s*(?:number\s*)?#?(\d+)|删除?(?:第|笔记|备忘)\D{0,4}(\d+)",
    re.IGNORECASE,
)
_RESEARCH = re.compile(
    r"\b(?:research|investigate|look into)\s+(?:on\s+|about\s+|into\s+|the topic\s+(?:of\s+)?)?(?P<en>.+)"
    r"|(?:研究|调研|调查)(?:一下|下)?\s*(?P<zh>.+)",
    re.IGNORECASE,
)
_SECONDS = re.compile(
    r"[\s,，]*(?:\(?(?:for|in|within|take|taking)?\s*(\d{1,2})\s*(?:s|secs?|seconds?)\b\)?|[用花]?(\d{1,2})\s*秒(?:钟)?)",
    re.IGNORECASE,
)
_LONG = re.compile(
    r"\blong(?:er)?\s+(?:text|answer|essay|article|story|message|document|response|reply)\b(?:\s+(?:about|on|of)\s+(?P<en>.+))?"
    r"|(?:关于(?P<zh>.+?)的)?(?:长文|长文章|长篇|很长的)",
    re.IGNORECASE,
)
_FAIL = re.compile(
    r"\bfailing tool\b|\bunreliable\b|\btool that (?:always )?fails\b|(?:失败|出错|不可靠)的?工具",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:time|date|clock|day)\b(?:\s+(?:is\s+it|now|right now|currently|today))*\s+(?:in|at|for)\s+(?P<en>[^\d?!.]+)"
    r"|(?P<zh>[\u4e00-\u9fff]{0,8}?)(?:现在|目前|当前|此刻)*的?(?:是|时间是)?(?:几点|什么时间|什么时候|时间|几号)",
    re.IGNORECASE,
)
_TIME_HERE = re.compile(
    r"\b(?:what(?:'s| is)?|current|tell me|the)\s+(?:the\s+)?(?:current\s+)?(?:time|date)\b", re.IGNORECASE
)
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening)|help|what can you do|who are you|thanks?|thank you)\b"
    r"|^\W*(?:你好|您好|嗨|早上好|晚上好|你能做什么|你会什么|帮助|你是谁|谢谢)",
    re.IGNORECASE,
)
_WORDS = (
    ("multiplied by", "*"),
    ("divided by", "/"),
    ("times", "*"),
    ("plus", "+"),
    ("minus", "-"),
    ("乘以", "*"),
    ("除以", "/"),
    ("加", "+"),
    ("减", "-"),
    ("乘", "*"),
)
_SUM = re.compile(
    r"(?:sqrt|log|ln|sin|cos|tan|abs|round|factorial|exp)\s*\([^a-z]*\)(?:\s*[-+*/^×÷]+\s*[\d.()]+)*"
    r"|[-(\d][\d\s.()]*(?:\s*(?:\*\*|//|[-+*/^×÷%−])\s*[-\d.(][\d\s.()]*)+",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_FILLER = re.compile(
    r"^(?:please|tell me|now|currently|the|also|请问|请|告诉我|现在|在)\s*"
    r"|\s*(?:now|right now|currently|please|现在|请)$",
    re.IGNORECASE,
)


def find(text: str) -> list[AskedFor]:
    """The requests in one message, in their order, each once."""
    text = re.sub(r"[^\S\n]+", " ", text[:MAX_CHARS]).strip()
    if found := _REMEMBER.search(text):
        return [_call("notes", action="add", text=_END.sub("", found["en"] or found["zh"]))]
    found_here: list[AskedFor] = [_call("fetch_url", url=url) for url in _URL.findall(text)]
    rest = _URL.sub(" ", text)
    # A fragment that means nothing by itself belongs to its neighbour: "research cats and dogs",
    # "the time in Tokyo and Paris", "北京和东京现在几点".
    pieces = _CONNECTOR.split(rest)
    held = ""
    for place in range(0, len(pieces), 2):
        fragment = pieces[place]
        connector = pieces[place - 1] if place else ""
        requests = _fragment(fragment)
        if requests:
            if requests[0].tool == "current_time":
                found_here += [_time(known) for known in _places(held)]
            found_here += requests
            held = ""
        elif found_here and found_here[-1].tool == "current_time" and (also := _places(fragment)):
            found_here += [_time(place_name) for place_name in also]
        elif found_here and (longer := _longer(found_here[-1], connector, fragment)):
            found_here[-1] = longer
        else:
            held += connector + fragment
    if not found_here and _GREETING.search(text):
        return [AskedFor("greeting")]
    return list(dict.fromkeys(found_here))


def _fragment(text: str) -> list[AskedFor]:
    if _LIST.search(text):
        return [_call("notes", action="list")]
    if found := _FORGET.search(text):
        return [_call("notes", action="delete", number=int(found[1] or found[2]))]
    if _FAIL.search(text):
        return [_call("unreliable")]
    if found := _LONG.search(text):
        return [AskedFor("long", topic=_END.sub("", found["en"] or found["zh"] or ""))]
    if found := _RESEARCH.search(text):
        return [_research(found["en"] or found["zh"])]
    requests: list[AskedFor] = []
    if found := _TIME.search(text) or _TIME_HERE.search(text):
        place = _trimmed(found["en"] or found["zh"] or "") if found.re is _TIME else ""
        requests.append(_time(place or "UTC"))
        text = text.replace(found[0], " ")
    requests += [_call("calculator", expression=sum) for sum in _sums(text)]
    return requests


def _call(tool: str, **arguments: str | int) -> AskedFor:
    return AskedFor("call", tool, tuple(arguments.items()))


def _time(place: str) -> AskedFor:
    return _call("current_time", place=place)


def _research(topic: str) -> AskedFor:
    seconds = _SECONDS.search(topic)
    topic = _END.sub("", _SECONDS.sub("", topic))[:200] or "nothing in particular"
    if not seconds:
        return _call("slow_research", topic=topic)
    return _call("slow_research", topic=topic, seconds=min(30, max(1, int(seconds[1] or seconds[2]))))


def _longer(request: AskedFor, connector: str, fragment: str) -> AskedFor | None:
    """The request with one more piece of its topic; None if it has no topic that could go on."""
    if not fragment.strip() or request.tool != "slow_research":
        return None
    arguments = dict(request.arguments)
    return _research(
        f"{arguments['topic']}{connector}{fragment}"
        + (f" for {arguments['seconds']} s" if "seconds" in arguments else "")
    )


def _places(text: str) -> list[str]:
    """The known place that a fragment is, if it is one and nothing else."""
    name = _trimmed(text)
    return [name] if name.casefold().removesuffix("市") in PLACES else []


def _trimmed(text: str) -> str:
    before, text = None, _END.sub("", text).strip()
    while before != text:
        before, text = text, _FILLER.sub("", text).strip()
    return text


def _sums(text: str) -> list[str]:
    for word, sign in _WORDS:
        text = re.sub(rf"(?<=[\d)])\s*{word}\s*(?=[\d(-])", f" {sign} ", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\d)\s*x\s*(?=\d)", " * ", _DATE.sub(" ", text))
    return [_balanced(found[0].strip(" .")) for found in _SUM.finditer(text) if re.search(r"\d", found[0])]


def _balanced(sum: str) -> str:
    """A sum without the closing brackets of the sentence around it."""
    while sum.endswith(")") and sum.count(")") > sum.count("("):
        sum = sum[:-1].rstrip()
    while sum.startswith("(") and sum.count("(") > sum.count(")"):
        sum = sum[1:].lstrip()
    return sum
