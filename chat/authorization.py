"""Who may do what: the one module of authorization. Pure; every door, tool and admin action asks it.

    who acts, on whose behalf ─► role ─┐
    which door ────────────────────────┼─► decide ─► yes, or no with a reason
    what ──────────────────────────────┘      ▲
                 what the door's administrator has said, which permissions they hold (needs)

A role is what somebody is to the thing that is acted on, never what they are in general: the same user is the owner of
one conversation and another user to the next. What no row of `RULES` allows is refused. The table of docs/security.md
is made from the rules (`make authority`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

#: What somebody is to what is acted on.
Role = Literal["owner", "linked", "stranger", "automation", "sender", "user", "staff", "disabled"]
#: Through which kind of door they come.
Door = Literal["web", "private", "group", "automation", "webhook", "api", "admin"]
#: What they want. The last group is what an agent does in a run that they have asked for.
Action = Literal[
    "read", "begin", "write", "rewrite", "stop", "rename", "change_agent", "delete", "refuse", "allow", "settle",
    "offer", "give_up", "rebuild", "export", "import", "replay", "erase",
    "keep", "act_for", "end_for", "fire", "see_secret", "hold_tokens",
    "look", "change", "remember", "set_up", "listen",
]  # fmt: skip
#: What must hold besides. `policy`: the door lets people of this role in. `trust`: an administrator has said that
#: people who are no users here may have the agent change things. `permission`: they hold the permission for it.
#: `scope`: the token by which they ask was made for it.
Need = Literal["policy", "trust", "permission", "scope"]
#: Why not.
Reason = Literal["", "disabled", "policy", "trust", "permission", "scope", "not_theirs", "not_here"]

ROLES: tuple[Role, ...] = get_args(Role)
DOORS: tuple[Door, ...] = get_args(Door)
ACTIONS: tuple[Action, ...] = get_args(Action)
NEEDS: tuple[Need, ...] = get_args(Need)

ROLE_NAMES: Mapping[Role, str] = {
    "owner": "the owner: the user whose it is",
    "linked": "a linked person in a chat that belongs to the bot's account",
    "stranger": "a stranger: somebody in a chat who is no user here",
    "automation": "a schedule or a trigger, for its owner",
    "sender": "whoever knows a webhook's secret address",
    "user": "another user",
    "staff": "staff, with what is another user's",
    "disabled": "a disabled user, whoever is linked to one, and what acts for one",
}
DOOR_NAMES: Mapping[Door, str] = {
    "web": "the web chat, its JSON API, and packages that have checked who it is",
    "private": "a private chat of a messenger",
    "group": "a group of a messenger",
    "automation": "schedules and triggers",
    "webhook": "the secret address of a webhook",
    "api": "the HTTP API and the OpenAI-compatible endpoint, with a token",
    "admin": "the admin",
}
ACTION_NAMES: Mapping[Action, str] = {
    "read": "read a conversation",
    "begin": "begin a conversation",
    "write": "say something in it",
    "rewrite": "change or take back what was said, and have it answered anew",
    "stop": "stop its run",
    "rename": "give it another title",
    "change_agent": "have another agent answer in it",
    "delete": "delete it",
    "refuse": "refuse a call that asks",
    "allow": "allow a call that asks",
    "settle": "say what became of a call in doubt",
    "offer": "offer its run to the workers once more",
    "give_up": "mark its run as failed",
    "rebuild": "rebuild its session in Redis from SQL",
    "export": "take it out as a file",
    "erase": "delete it for good",
    "import": "bring one in from a file",
    "replay": "have a recorded request sent again, beside it",
    "keep": "make and change schedules and triggers of one's own",
    "act_for": "make, change or fire schedules and triggers of somebody else",
    "end_for": "pause and remove them, and revoke tokens of somebody else",
    "fire": "fire a trigger",
    "see_secret": "see the secret address of a webhook",
    "hold_tokens": "make tokens of one's own, and revoke them",
    "look": "have the agent use tools that only read",
    "change": "have it use tools that change something",
    "remember": "have it remember, and read what it has remembered for them",
    "set_up": "have it set up schedules and triggers that stay in this conversation",
    "listen": "have it set up those that hear other conversations, or speak in new ones",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """These roles may do this through these doors, if all needs are met."""

    roles: tuple[Role, ...]
    doors: tuple[Door, ...]
    actions: tuple[Action, ...]
    needs: tuple[Need, ...] = ()


_TALK: tuple[Action, ...] = ("read", "begin", "write", "stop", "refuse")
_DECIDE: tuple[Action, ...] = ("allow", "settle")
_USE: tuple[Action, ...] = ("look", "change", "remember")
_CHATS: tuple[Door, ...] = ("private", "group")

RULES: tuple[Rule, ...] = (
    Rule(("owner",), ("web",), (*_TALK, *_DECIDE, "rewrite", "rename", "change_agent", "delete")),
    Rule(("owner",), ("web",), (*_USE, "set_up", "listen")),
    Rule(("owner",), ("web", "admin"), ("keep", "fire", "see_secret")),
    Rule(("owner",), ("admin",), ("end_for",)),
    # No token makes another.
    Rule(("owner",), ("web",), ("hold_tokens",)),
    # A token is its owner's, for what they made it for; who may say something there speaks with the owner's authority.
    Rule(("owner",), ("api",), (*_TALK, *_DECIDE, "rename", "change_agent", "delete"), ("scope",)),
    Rule(("owner",), ("api",), (*_USE, "set_up", "listen")),
    # Their own private chat is their conversation, open in their web chat, too.
    Rule(
        ("owner",), ("private",), (*_TALK, *_DECIDE, "change_agent", *_USE, "set_up", "listen"), ("policy",)
    ),
    # In a chat of the bot's account everybody has their own memory, and nobody has the account's authority.
    Rule(("linked",), _CHATS, (*_TALK, *_DECIDE, *_USE), ("policy",)),
    Rule(("linked",), _CHATS, ("set_up",), ("policy", "trust")),
    Rule(("stranger",), _CHATS, (*_TALK, "look"), ("policy",)),
    Rule(("stranger",), _CHATS, (*_DECIDE, "change", "remember", "set_up"), ("policy", "trust")),
    # Its owner has written what it says, and has chosen who may fire it.
    Rule(("automation",), ("automation",), ("begin", "write", *_USE, "set_up", "listen")),
    Rule(("sender",), ("webhook",), ("fire",)),
    Rule(
        ("staff",),
        ("admin",),
        (
            *("read", "export", "stop", "settle", "refuse", "allow", "offer", "give_up", "rebuild", "erase"),
            *("import", "replay", "act_for", "end_for", "see_secret"),
        ),
        ("permission",),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something may be done; if not, why."""

    allowed: bool
    reason: Reason = ""

    def __bool__(self) -> bool:
        return self.allowed


def _closed(rules: tuple[Rule, ...]) -> dict[tuple[Role, Door, Action], tuple[Need, ...]]:
    """What each cell needs. Raises ValueError for one that two rules are about."""
    table: dict[tuple[Role, Door, Action], tuple[Need, ...]] = {}
    for rule in rules:
        for cell in ((r, d, a) for r in rule.roles for d in rule.doors for a in rule.actions):
            if cell in table:
                raise ValueError(f"Two rules are about {cell}.")
            table[cell] = rule.needs
    if lost := set(ACTIONS) - {action for _, _, action in table}:
        raise ValueError(f"Nobody may do any of these: {sorted(lost)}.")
    if any(role == "disabled" for role, _, _ in table):
        raise ValueError("Whoever is disabled may do nothing.")
    return table


TABLE = _closed(RULES)


def decide(role: Role, door: Door, action: Action, met: Collection[Need] = ()) -> Verdict:
    """Whether `role` may do this through this door; `met` are the needs that are met."""
    if role == "disabled":
        return Verdict(False, "disabled")
    needs = TABLE.get((role, door, action))
    if needs is None:
        others = any((other, door, action) in TABLE for other in ROLES)
        return Verdict(False, "not_theirs" if others else "not_here")
    lacking = next((need for need in needs if need not in met), None)
    return Verdict(True) if lacking is None else Verdict(False, lacking)


# ---- who somebody is to a thing -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody at a door, as they stand to one conversation: what `decide` asks, but for the action."""

    role: Role
    door: Door
    met: frozenset[Need] = frozenset()

    def may(self, action: Action) -> Verdict:
        """Whether they may do this."""
        return decide(self.role, self.door, action, self.met)


@dataclass(frozen=True, slots=True)
class ChatPlace:
    """A conversation that is a chat of a messenger. `shared`: it belongs to the bot's account and not to who writes
    there; `trusting`: an administrator has said that strangers may have the agent change things there."""

    door: Door
    shared: bool
    trusting: bool = False


@dataclass(frozen=True, slots=True)
class ChatPerson:
    """Somebody in a chat: the user whom they are linked to, or nobody, and whether that user is active."""

    user: int | None = None
    active: bool = True


#: Whom each value of a messenger's policy lets in.
ADMITTED: Mapping[str, frozenset[Role]] = {
    "everyone": frozenset({"owner", "linked", "stranger"}),
    "linked": frozenset({"owner", "linked"}),
    "nobody": frozenset(),
}


def role_in_chat(person: ChatPerson, place: ChatPlace, owner: int, *, owner_active: bool = True) -> Role:
    """What somebody in a chat is to its conversation, which is `owner`'s. A chat of the bot's account is nobody's own:
    whether that account may log in does not matter, and it gives nobody its authority."""
    if person.user is not None and not person.active:
        return "disabled"
    if person.user == owner and place.door == "private":
        return "owner"
    if place.shared:
        return "stranger" if person.user is None else "linked"
    return "disabled" if not owner_active else "user"


def in_chat(
    person: ChatPerson, place: ChatPlace, owner: int, policy: str, *, owner_active: bool = True
) -> Standing:
    """How somebody in a chat stands to its conversation, under this policy of the door."""
    role = role_in_chat(person, place, owner, owner_active=owner_active)
    met: set[Need] = {"policy"} if role in ADMITTED.get(policy, frozenset()) else set()
    if place.trusting:
        met.add("trust")
    return Standing(role, place.door, frozenset(met))


def logged_in(
    user: int,
    owner: int,
    *,
    active: bool,
    owner_active: bool = True,
    attended: bool = True,
    door: Door = "web",
) -> Standing:
    """How `user`, or what acts for them by itself (not `attended`), stands to what is `owner`'s. `door`: through which
    they come when they come themselves."""
    if not (active and owner_active):
        return Standing("disabled", door if attended else "automation")
    if user != owner:
        return Standing("user", door)
    return Standing("owner", door) if attended else Standing("automation", "automation")


def by_token(user: int, owner: int, *, scope: bool, active: bool = True) -> Standing:
    """How whoever shows a token of `user`'s stands to what is `owner`'s; `scope`: it was made for the action that is
    asked."""
    stands = logged_in(user, owner, active=active, door="api")
    return Standing(stands.role, stands.door, frozenset({"scope"} if scope else ()))


def in_admin(user: int | None, owner: int | None, *, permitted: bool, active: bool = True) -> Standing:
    """How staff stand to what is `owner`'s; `permitted`: they hold the permission for the action that is asked."""
    if not active or user is None:
        return Standing("disabled", "admin")
    if user == owner:
        return Standing("owner", "admin")
    return Standing("staff", "admin", frozenset({"permission"} if permitted else ()))
