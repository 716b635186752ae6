"""An answer's markdown as people see it in the chat, for the admin's pages.

The text comes from models, so it is hostile: raw HTML is not markdown here but text, addresses that could run anything
are no links (markdown-it's own check), and a picture is its words, so that nothing is fetched from elsewhere.
"""

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from chat.inspection import base

#: Characters that are rendered; a longer answer is shown as it is written. Nesting is bounded by the parser.
MAX_RENDERED = 50_000
_SPACE = re.compile(r"\s+")


class _Renderer(RendererHTML):
    """As markdown-it's, with links that tell no address where they lead to about us."""

    def link_open(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        tokens[idx].attrSet("rel", "noopener noreferrer nofollow")
        return self.renderToken(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        return base.plain_html(f"[{_SPACE.sub(' ', tokens[idx].content).strip() or 'image'}]")


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}, renderer_cls=_Renderer).enable(
    ["table", "strikethrough"]
)


def prose(text: str) -> SafeString:
    """Markdown as HTML in which nothing of the text is anything but text, links and plain elements."""
    if len(text) > MAX_RENDERED:
        return base.block(text)
    # What is marked as safe is made by a renderer that escapes all text and has no way to pass HTML through.
    return mark_safe(f'<div class="hf-prose">{_MARKDOWN.render(text)}</div>')
