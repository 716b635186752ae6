"""The next release of Holdfast, made from this one: a copy of the tree in which a worker tells one event more.

It says `run.checked` of each run that it starts, which this release does not know and must not ignore, and gives each
`step.finished` a field that this release does not know.
"""

from __future__ import annotations

from pathlib import Path

from tests.recovery.mutants import ROOT, copy

_EVENT = '''
class RunChecked(Event):
    """The next release has looked at the run before it went on."""

    type: Literal["run.checked"] = "run.checked"
    run: str


class StepStarted(Event):'''

#: (text of this release, text of the next one): each is found in exactly one file.
CHANGES = (
    ("\nclass StepStarted(Event):", _EVENT),
    ("    RunStarted,\n    RunStopped,\n", "    RunStarted,\n    RunChecked,\n    RunStopped,\n"),
    ("    | RunQueued\n    | RunStarted\n", "    | RunQueued\n    | RunChecked\n    | RunStarted\n"),
    (
        "        e.RunStopping: Row(_ACTIVE, None),\n",
        "        e.RunStopping: Row(_ACTIVE, None),\n        e.RunChecked: Row(_ACTIVE, None),\n",
    ),
    (
        '    sent: str = ""\n\n\nclass StepStopped',
        '    sent: str = ""\n    mood: str = "calm"\n\n\nclass StepStopped',
    ),
    (
        "fence=fence, worker=worker)]\n\n        await self._append(begin)",
        "fence=fence, worker=worker), e.RunChecked(at=now, run=self.run)]\n\n        await self._append(begin)",
    ),
)


def next_release(folder: Path) -> Path:
    """The tree of the next release, in `folder`. Fails when a place to be changed is not there any more."""
    tree = copy(folder)
    for old, new in CHANGES:
        changed = 0
        for path in [*(tree / "agents").rglob("*.py"), *(tree / "chat").rglob("*.py")]:
            text = path.read_text()
            if old in text:
                path.write_text(text.replace(old, new))
                changed += 1
        assert changed >= 1, f"{ROOT} has no {old!r} any more; mend tests/support/next_release.py"
    return tree
