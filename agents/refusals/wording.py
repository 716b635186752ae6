"""One row of the tables of words."""

from dataclasses import dataclass
from typing import Literal

Meaning = Literal["too_long", "busy", "quota", "filtered", "image", "form"]


@dataclass(frozen=True)
class Wording:
    """How somebody words a refusal. `pattern`: a regular expression for the answer in lower case. `said`: the words as
    they were read at `source`, in `status`. `helps`: of a refused form, the change that helps (`RequestForm`)."""

    pattern: str
    said: str
    source: str
    status: int = 400
    helps: str = ""
