"""What a messenger's chats are told besides answers, in the app's language (Django's catalogues in locale/).

The constants are lazy: `say` makes them text. Commands (/stop, /new, /help) are the same in every language.
"""

from typing import Any

from django.utils import translation
from django.utils.translation import gettext_lazy as _

HELP = _(
    "Write to me and I answer; while I work, a card shows what I do.\n\n"
    "- `/stop` ends what I am doing\n- `/new` begins a new conversation\n"
    "- `/agent` says who answers here, and who else could\n- `/help` shows this"
)
NEW = _("A new conversation begins here. What was still being answered will be.")
NOTHING = _("Nothing is running.")
UNKNOWN = _("This bot answers only people who are known to it. Ask its administrator to link you: `{id}`")
TOO_LONG = _(
    "This message is too long: {count} characters; {max} at most. Nothing of it was read. Send it in parts."
)
DISABLED = _("The user to whom you are linked is disabled here. Ask the bot's administrator.")
NO_AGENT = _("Nobody answers here: this bot's agent is missing or disabled. Tell its administrator.")
ANSWERS_HERE = _("**{name}** answers here{model}.")
WITH_MODEL = _(", with the model {model}")
OTHER_AGENTS = _("Others:\n\n{agents}\n\nWrite `/agent` and a name to have another one answer from here on.")
AGENT_IS_GIVEN = _("Who answers in this chat is decided by the bot's administrator.")
NO_SUCH_AGENT = _("There is no agent of that name.")
AGENT_CHANGED = _("**{name}** answers from here on.")
AGENT_LATER = _("Something is running. Wait until it is done, or `/stop` it, and choose another agent then.")
SET_ASIDE = _(
    "This message could not be read, and was set aside for the bot's administrator. Write it again."
)
CANNOT_TELL = _("The answer cannot be shown here. Read it in the web chat, or ask the bot's administrator.")
REFUSED = _(
    "This message cannot be shown here. {reason}. Read it in the web chat ({address}), or ask the bot's administrator."
)
QUOTED = _("{name} wrote:")
YOU = _("You (the assistant)")
FORWARDED = _("Forwarded messages:")
NOT_READABLE = _("[a message that cannot be read here]")
FILE_UNREADABLE = _("[{name} was attached and cannot be read: {problem}]")
FILE_NOT_KEPT = _("[{name} was attached and could not be kept.]")
LEFT_OUT = _("Left out of what the model reads from now on:")
LEFT_OUT_BECAUSE = {
    "content_filter": _("The provider’s content filter refuses it."),
    "image": _("The provider cannot read the picture."),
    "refused": _("The provider refuses it."),
}
TAKE_BACK = _("Whoever owns this conversation can have it sent again, in the web chat.")
TAKEN_BACK = _("Sent to the model again:")
RESULTS_OF = _("the results of {names}")
A_MESSAGE = _("a message")
AND_MORE = _("{count} more")
FILES_AT_MOST = _("A message takes {max} files.")

STATES = {
    "queued": _("Waiting for a worker"),
    "running": _("Working"),
    "waiting": _("Waiting for you"),
    "recovering": _("Recovering: its worker was lost, another one takes over"),
    "finished": _("Done"),
    "failed": _("Failed"),
    "stopped": _("Stopped"),
}
STOPPING = _("Stopping")
BUSY = _("The model is busy; trying again")
EARLIER = _("… {count} earlier calls")
MORE_TEXT = _("… the whole text comes with the answer.")
SECONDS = _("{seconds} s")
MINUTES = _("{minutes} min {seconds} s")
STOP = _("Stop")
SUMMARY = _("Working…")
ANSWERED = _("Answered")
GOES_ON = _("Goes on below")
IN_DOUBT = _("**{name}** was interrupted. Did it happen?")
HAPPENED = _("It happened")
DID_NOT_HAPPEN = _("It did not happen")
RUN_AGAIN = _("Run it again")
MAY_RUN = _("May **{name}** run?")
TOO_LONG_TO_ALLOW = _("This is too long to be shown whole here: allow it in the web chat, or refuse it.")
NOT_SHOWN = _("What it would be given cannot be shown here: allow it in the web chat, or refuse it.")
ASKS = _("{names}: somebody has to decide whether to go on. Do so in the web chat ({address}).")
ALLOW = _("Allow")
REFUSE = _("Refuse")

GOT_IT = _("Got it.")
NO_BUTTON = _("This button is no longer valid.")
NOT_THEIRS = _("You may not decide this here.")


def say(language: str, text: Any, **values: object) -> str:
    """A text of this module in a language, with what stands in it."""
    with translation.override(language):
        said = str(text)
    return said.format(**values) if values else said
