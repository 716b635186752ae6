"""HTML as text, whatever the page looks like, and in time that grows with its length only."""

import time

import pytest

from agents.tools.fetch_url.readable import readable

PAGE = """<!doctype html><html><head><title>A &amp; B</title><style>p > b {}</style></head>
<body><h1>Hello <b>you</b></h1><nav><a href="/x?a=1&amp;b=2">a  link</a> <a href="javascript:alert(1)">script</a></nav>
<p>One,<br>two &nbsp; three</p><script>if (a < b) document.write("</p>")</script>
<ul><li>first<li><p>second</p></ul><h2><div>Table</div></h2>
<table><tr><th>k<th>v</th></tr><tr><td>1</td><td>2</td></tr></table>
<pre>  x
    y &lt; z</pre><p class=it's>1 < 2</p><!-- not > this --><p>end</p></body></html>"""

TEXT = """A & B

# Hello you

[a link](https://e.org/x?a=1&b=2) script

One,
two three
- first
- second

## Table

k | v
1 | 2

  x
    y < z

1 < 2

end"""


def test_a_page_becomes_text():
    assert readable(PAGE, "https://e.org/p/") == TEXT


def test_links_are_absolute_web_addresses_and_never_break_out_of_their_brackets():
    page = '<a href="a)b c">x</a> <a href="#top">up</a> <a href="//[">bad</a> <a>none</a> <a href=mailto:a@b>m</a>'
    assert readable(page, "https://e.org/d/") == "[x](https://e.org/d/a%29b%20c) up bad none m"


@pytest.mark.parametrize(
    "page", ["", "<", "<!--", "</", "<a", '<a href="', "<script>x", "a<b>c", "<3 hearts", "<>"]
)
def test_half_a_page_is_no_trouble(page: str):
    assert isinstance(readable(page, "https://e.org/"), str)


@pytest.mark.parametrize(
    "piece",
    [
        "<div>",
        "<",
        "<a ",
        '<a href="',
        "<a href=x>",
        "<!--",
        "</",
        "<script>",
        "&",
        "&#",
        "<br>",
        "<td>",
        "<pre> ",
        "<li>",
        "<a ='",
        "<a = ",
        "<svg></svg>",
        "<h1>",
        "</a",
        " ",
        "\n",
        "<style>",
        "<b x='\">",
    ],
)
def test_time_grows_with_length_only(piece: str):
    def seconds(size: int) -> float:
        page = piece * (size // len(piece))
        started = time.process_time()
        readable(page, "https://e.org/")
        return time.process_time() - started

    # Ten times the page may take ten times as long, not a hundred; the rest is room for a busy machine.
    assert seconds(400_000) < 30 * max(seconds(40_000), 0.02)
