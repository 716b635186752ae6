"""Names of the pseudo-conversations whose leases say who sees to a run before anybody owns it."""


def suspect_claim(run: str) -> str:
    """Some worker finds a place for this suspect (chat/runs/isolated/supervisor.py): sweepers leave it alone."""
    return f"alone-{run}"
