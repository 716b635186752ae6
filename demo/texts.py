"""The sentences of the demo model, in English and Chinese."""

import json
from typing import Any

from agents.results import REASON, REFUSED

_TITLES = {
    "current_time": ("look up the time", "查时间"),
    "calculator": ("calculate", "计算"),
    "slow_research": ("do the research, which takes a few seconds", "做调研（需要几秒钟）"),
    "unreliable": ("use the tool that fails", "使用会失败的工具"),
    "notes": ("open the notes", "打开笔记"),
    "fetch_url": ("read the page", "读取网页"),
}

_MENU = """- **time in Tokyo**: the clock
- **12 * (7 + 1.5)**: the calculator
- **time in Tokyo and 12 * 7**: two tools at once
- **research solar power**: slow research, with progress
- **remember that the meeting is on Friday**, then **list my notes**
- **fetch https://example.com**: reads a public web page
- **write a long text about rivers**: a long answer with headings, a table and code
- **use the failing tool**: what a failure looks like"""

_MENU_ZH = """- **东京现在几点**：时钟
- **12 * (7 + 1.5)**：计算器
- **东京现在几点和 12 * 7**：同时使用两个工具
- **研究太阳能**：较慢的调研，带进度
- **记住周五开会**，然后 **列出我的笔记**
- **读取 https://example.com** ：读取公开网页
- **写一篇关于河流的长文**：带标题、表格和代码的长回答
- **使用会失败的工具**：看看失败是什么样子"""


def is_chinese(text: str) -> bool:
    """Whether to answer in Chinese."""
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


def greeting(chinese: bool) -> str:
    """What the demo model says about itself."""
    if chinese:
        return (
            "你好！我是 **Holdfast 的演示模型**：一个照着脚本回答的程序，没有真正的智能，也不需要密钥。"
            f"但工具都是真的。你可以试试：\n\n{_MENU_ZH}\n\n在工具运行时刷新页面，对话会原样继续。"
        )
    return (
        "Hello! I am the **demo model** of Holdfast: a program that answers by a script. I am not clever, and I need "
        f"no key. The tools that I use are real. Try one of these:\n\n{_MENU}\n\n"
        "Reload the page while a tool is running: the conversation goes on as if nothing had happened."
    )


def unknown(chinese: bool) -> str:
    """The answer to what the script does not know."""
    if chinese:
        return f"这个我不会：我只是照着脚本回答的演示模型。我听得懂这些：\n\n{_MENU_ZH}"
    return (
        "I cannot answer that: I am a scripted demo model, and this is not in my script. "
        f"What I do understand:\n\n{_MENU}"
    )


def no_such_tool(name: str, chinese: bool) -> str:
    """What to say when the agent lacks the tool that the request needs."""
    if chinese:
        return f"要回答这个，我需要工具 `{name}`，但这个助手没有启用它。可以在管理后台启用。"
    return f"For this I would need the tool `{name}`, which this agent may not use. It can be ticked in the admin."


def before_calls(names: list[str], chinese: bool) -> str:
    """What stands before the tool calls of a step."""
    kinds = list(dict.fromkeys(names))
    titles = [_TITLES.get(name, (f"use {name}", f"使用 {name}"))[chinese] for name in kinds]
    if chinese:
        return f"好的，我来{'，同时'.join(titles)}。"
    return f"Let me {' and '.join(titles)}{', at the same time' if len(names) > 1 else ''}."


def result(name: str, arguments: dict[str, Any], text: str, chinese: bool) -> str:
    """One tool result, written up."""
    text = text.strip()
    if text.startswith(REFUSED):
        return _refused(name, text.removeprefix(REFUSED).removeprefix(REASON), chinese)
    if name == "calculator" and text.count(" = ") == 1:
        left, _, right = text.partition(" = ")
        return f"`{left}` = **{right}**"
    if name == "current_time" and ": " in text and "UTC" in text:
        place, _, rest = text.partition(": ")
        return f"**{place}**{'：' if chinese else ': '}{rest}"
    if name == "slow_research" and text.startswith("Findings"):
        heading, _, findings = text.partition("\n")
        title = f"关于{arguments.get('topic', '')}的调研结果" if chinese else heading.rstrip(":")
        return f"### {title}\n\n{findings}"
    if name == "unreliable":
        said = (
            "工具失败了，正如预期，对话不受影响。它说："
            if chinese
            else "The tool failed, as it was meant to, and the conversation goes on. It said:"
        )
        return f"{said}\n\n{_quote(text, 400)}"
    if name == "notes" and arguments.get("action") == "list":
        heading = "你的笔记：" if chinese else "Your notes:"
        lines = "\n".join(f"- {line}" for line in text.splitlines() if line.strip())
        return f"{heading}\n\n{lines}"
    if name == "notes":
        return text
    if name == "fetch_url" and text.startswith("Text of "):
        found = "网页内容开头：" if chinese else "This is how the page begins:"
        return f"{found}\n\n{_quote(text.partition(chr(10))[2].strip(), 700)}"
    called = f"`{name}({json.dumps(arguments, ensure_ascii=False)})`"
    said = f"{called} 的回答：" if chinese else f"{called} answered:"
    return f"{said}\n\n{_quote(text, 700)}"


def _refused(name: str, reason: str, chinese: bool) -> str:
    if chinese:
        return f"`{name}` 没有得到允许，所以我没有做。" + (
            f"原因：\n\n{_quote(reason, 400)}" if reason else ""
        )
    said = f"I was not allowed to use `{name}`, so nothing was done."
    return f"{said} The reason:\n\n{_quote(reason, 400)}" if reason else said


def _quote(text: str, limit: int) -> str:
    if len(text) > limit:
        text = text[:limit].rstrip() + " …"
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines() if line.strip()) or "> –"


_SECTIONS = (
    ("Where it begins", "起点"),
    ("What keeps it moving", "动力"),
    ("Who depends on it", "相关的人"),
    ("What can go wrong", "可能的问题"),
    ("How it is measured", "如何衡量"),
    ("What it costs", "成本"),
    ("What comes after", "之后会怎样"),
)
_SENTENCES = (
    "Anyone who writes about {topic} has to start somewhere, and the place to start is rarely the most famous one.",
    "The first thing to notice is how many small decisions stand behind what looks like a single large one.",
    "People who work with {topic} every day talk less about the whole than about the next hour.",
    "That is no lack of vision; it is the experience that most plans end at the first surprise.",
    "Each surprise leaves a trace, and the traces together make a better map than any drawn in advance.",
    "It helps to ask what would still be true if half of the usual assumptions were wrong.",
    "Some of the answers are uncomfortable, and those tend to be the useful ones.",
    "There is also the question of scale: what works for ten does not always work for ten thousand.",
    "A careful observer of {topic} keeps two records, one of what happened and one of what was expected.",
    "The difference between the two is where nearly everything worth learning is found.",
    "None of this is new, but it is easily forgotten when things go well for a while.",
)
_SENTENCES_ZH = (
    "要写{topic}，总得从某个地方开始，而最好的起点往往不是最有名的那一个。",
    "首先值得注意的是，看似一个大的决定，背后其实是许多小的决定。",
    "每天与{topic}打交道的人，谈论整体的时候少，谈论下一个小时的时候多。",
    "这并不是缺少远见，而是经验告诉他们，多数计划在第一个意外面前就结束了。",
    "每一个意外都会留下痕迹，这些痕迹合在一起，比事先画好的地图更可靠。",
    "不妨问一问：如果一半的假设都是错的，还有什么仍然成立？",
    "有些答案让人不舒服，而这些答案往往最有用。",
    "还有规模的问题：对十个人有效的办法，对一万人未必有效。",
    "仔细观察{topic}的人会留两份记录：一份写发生了什么，一份写原本期望什么。",
    "两者之间的差别，几乎就是一切值得学习的东西。",
)


def long_text(topic: str, chinese: bool) -> str:
    """About 1,500 words of markdown with headings, a list, a table and a code block; the same every time."""
    topic = topic or ("坚持" if chinese else "holding on")
    pool = _SENTENCES_ZH if chinese else _SENTENCES
    parts = [f"# {'关于' if chinese else 'On '}{topic}"]
    for number, titles in enumerate(_SECTIONS):
        parts.append(f"## {number + 1}. {titles[chinese]}")
        turned = pool[number % len(pool) :] + pool[: number % len(pool)]
        said = [sentence.format(topic=topic) for sentence in turned]
        glue = "" if chinese else " "
        parts += [glue.join(said[:5]), glue.join(said[5:])]
        if number == 1:
            parts.append(_list(chinese))
        if number == 4:
            parts.append(_table(chinese))
        if number == 5:
            parts.append(_CODE)
    parts.append("*（完）*" if chinese else "*(The end.)*")
    return "\n\n".join(parts)


def _list(chinese: bool) -> str:
    if chinese:
        return "1. 先记录，再行动\n2. 先检查，再相信\n   - 尤其是自己的假设\n3. 先说明，再继续"
    return (
        "1. Write it down before you act on it\n"
        "2. Check it before you believe it\n   - your own assumptions first\n"
        "3. Say what happened before you go on"
    )


def _table(chinese: bool) -> str:
    head = "| 阶段 | 时长 | 结果 |" if chinese else "| stage | length | outcome |"
    rows = (
        [("开始", "1 天", "一个问题"), ("中间", "5 天", "三个答案"), ("结束", "1 天", "一个更好的问题")]
        if chinese
        else [
            ("beginning", "1 day", "one question"),
            ("middle", "5 days", "three answers"),
            ("end", "1 day", "a better question"),
        ]
    )
    return "\n".join([head, "|---|---:|---|", *(f"| {' | '.join(row)} |" for row in rows)])


_CODE = '''```python
def hold_fast(events, state=None):
    """Fold what happened into what is known."""
    for event in events:
        state = apply(state, event)
    return state
```'''
