"""How much one socket, or one user, may ask (rule W11). Shared with the other entrances: see chat/http/limits.py."""

from chat.http.limits import Admission, Allowance, Bucket, Limits, Verdict

__all__ = ["Admission", "Allowance", "Bucket", "Limits", "Verdict"]
