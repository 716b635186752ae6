"""Emphasis beside Chinese punctuation: `中文**“引号”**中文` is bold for those who write it, and for the web chat, too.

CommonMark alone takes a mark between a letter and punctuation for text, because it thinks of words with spaces between
them. Here a CJK letter is no part of a word.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

#: Han, kana, bopomofo, hangul, and their extensions.
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u3105-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class CjkInline(ParserInline):
    """The parser's inline part."""

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        found = super().scanDelims(start, canSplitWord)
        before, after = self.src[start - 1 : start], self.src[start + found.length : start + found.length + 1]
        if not canSplitWord or not before.strip() or not after.strip():
            return found
        return Scanned(
            found.can_open or bool(_CJK.match(before)),
            found.can_close or bool(_CJK.match(after)),
            found.length,
        )
