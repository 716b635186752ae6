"""Trusted Types: which pages may make markup out of text, and by whose rule.

Browsers that know Trusted Types refuse a text wherever it would become markup or code (`innerHTML`, `eval`), on every
page of ours, unless a policy has passed it. A policy is a function in one of our scripts; the names that a page may
register are in its Content-Security-Policy, and each can be registered once: a script that got in can make none.

    page        name                  lets pass                                    where
    chat        holdfast-entities     one character reference, as `&copy;`         frontend/src/ui/entities.ts
    chat        holdfast-math         MathML, by a list of elements                frontend/src/ui/math.ts
    admin       default               elements and attributes that cannot run      chat/static/holdfast/trusted-types.js
                                      anything, which Django's own scripts write
    others      none
"""

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_replace

View = Callable[..., Any]


def trusts(*names: str) -> Callable[[View], View]:
    """A decorator of views: their pages may register Trusted Types policies of these names, and no others."""
    decorated: Callable[[View], View] = csp_replace({"trusted-types": list(names)})
    return decorated


chat_policies = trusts("holdfast-entities", "holdfast-math")
admin_policies = trusts("default")
