"""Feishu's codes, each with what it means for us (chat/messenger/errors.py). Data.

From the official pages as of 2025-08-20 (the latest that could be read): the general list, and those of sending,
replying, reading a message and its files, of cards, and of tokens. Codes of other products (contacts, approval)
cannot come, and of those of documents here are the ones about reading; what is not here is `Unclear`, and tried again
within bounds.
"""

from typing import Literal

Meaning = Literal["later", "limit", "chat limit", "token", "content", "target", "closed", "outpaced", "final"]

_CODES: dict[Meaning, tuple[int, ...]] = {
    # Feishu's own failures, and what is under way: the same again, a little later.
    "later": (
        *(600, 1500, 1503, 1551, 1557, 1642, 1663, 1665, 1668, 2200, 4006, 5000),
        *(10101, 10105, 10500, 55001, 65001, 99991500),
        18121,  # the same message is being created
        230049,  # the message is being sent
        234019,  # the app's rights could not be read
        200810,  # somebody is pressing a button of the card
        300120,  # the card's server failed
    ),
    # Too fast, the whole app; too fast, this chat.
    "limit": (99991400, 11232, 11247),
    "chat limit": (230020, 11233),
    # The tenant token is not valid (any more).
    "token": (4001, 20005, 20013, 20014, 234002, 99991661, 99991663, 99991664, 99991665, 99991668, 99991671, 99991677),
    # What the message says, or its shape.
    "content": (
        *(230022, 230028, 11248, 11312),  # words that are not allowed
        *(230025, 200860, 19036),  # too large
        *(230099, 11246, 18053, 18054, 19002, 230054, 230055, 11230),  # not this kind, or not in this shape
        *(200220, 200380, 200381, 200550, 200570, 200621, 200732, 200737, 200861, 200914, 200915, 100290, 11310),
        *(300301, 300302, 300303, 300305, 300307, 300220, 300230, 300240, 300310, 300313),
    ),
    # The message that is replied to, or read, is not there for us.
    "target": (
        *(230011, 230110, 230111, 230050, 230019, 230071, 230072, 231003, 10020, 10037, 11224, 18113, 99992354),
        *(1770002, 1770003, 1770032),  # a document that is not there, was deleted, or is not shared with the app
    ),
    # The card takes nothing any more: go on with another one.
    "closed": (200850, 300309, 200740, 200750),
    "outpaced": (300317,),
    "final": (
        *(10001, 10002, 10003, 10004, 10005, 10009, 10010, 10012, 10013, 10014, 10015, 10016, 10017, 10019, 10023),
        *(10029, 10030, 10032, 10034, 10100, 10200, 10204, 10400, 4000, 4005, 9499),
        *(11000, 11001, 11100, 11101, 11102, 11103, 11104, 11105, 11106, *range(11200, 11224), 11225, 11226, 11227),
        *(11228, 11229, 11231, 11234, 11235, 11236, 11237, 11238, 11239, 11240, 11241, 11242, 11244, 11245, 11249),
        *(11251, 11252, 11311, 12001, 12002, 12008, 12011, 12015, 12016, 12018, 18017, 18033, 18034, 18035, 18066),
        *(18117, 18120, 20001, 20002, 20003, 20004, 20006, 20007, 20008, 20009, 20010, 20021, 20022, 20023, 20024),
        *(23001, 30005, 50003, 50006, 232009, 300122, 300311, 200770),
        *(230002, 230006, 230013, 230015, 230017, 230018, 230027, 230029, 230034, 230035, 230036, 230038, 230053),
        230075,
        *(234001, 234003, 234004, 234009, 234037, 234038, 234040, 234041, 234042, 234043),
        *(90003087, 90003088, 99991201, 99991300, 99991401, 99991403, 99991543, 99991662, 99991669, 99991670, 99991672),
        *(99991673, 99991674, 99991675, 99991676, 99991679, 99992351, 99992352, 99992353, 99992355, 99992356, 99992359),
        *(99992360, 99992361, 99992363, 99992364, 99992381, 99992402),
    ),
}  # fmt: skip

CODES: dict[int, Meaning] = {code: meaning for meaning, codes in _CODES.items() for code in codes}
assert len(CODES) == sum(map(len, _CODES.values())), "a code has two meanings"
#: Codes that are several things: (code, a word of the answer's text, what it means then).
TEXTS: tuple[tuple[int, str, Meaning], ...] = (
    (230001, "receive_id", "final"),
    (230001, "message_id", "target"),
    (230001, "content", "content"),
    (230001, "msg_type", "content"),
    (230001, "internal error", "later"),
    (230001, "", "target"),
    (230099, "action is lock", "later"),
    (11246, "internal error", "later"),
)
