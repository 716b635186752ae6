"""Everything that the store is used for, with a session that nobody else knows: what works here works for messages.

A server may answer and still refuse what matters: an ACL that lacks a command or a key, memory that has run out, a disk
that is full, replicas that are missing.
"""

from chat.session.contract import Batch, Command, Position, Store
from chat.session.errors import StoreError, StoreUnavailable

#: Milliseconds that a lease of the exercise lasts at most.
LEASE_MS = 5_000


async def exercise(store: Store, name: str) -> None:
    """Go through it under `name`, which must be this process' own. Raises StoreUnavailable."""
    try:
        await _through(store, name)
    except StoreError:
        # Its keys went meanwhile: somebody emptied Redis, or Redis evicts. Once more, then it is no accident.
        try:
            await _through(store, name)
        except StoreError as problem:
            raise StoreUnavailable(f"Redis does not keep what it takes ({problem})") from problem


async def _through(store: Store, name: str) -> None:
    await store.delete(name)
    begin = Position("probe", 0, "")
    await store.seed(name, begin, {"info": "1"}, fence=1, archived=0, replaces=None)
    await store.fence(name, 1)
    command = Command("probe", "digest", "1")
    at = (await store.append(name, begin, ["{}"], {"info": "2"}, fence=1, command=command)).position
    await store.part(name, 1, "step", 0, "text")
    await store.remember(name, Command("another", "digest", "2"))
    loaded, tail, known = (
        await store.load(name),
        await store.tail(name, 0),
        await store.command(name, "probe"),
    )
    read = (await store.read({name: (begin.epoch, "0-0")}))[name]
    heads = await store.heads([name])
    if loaded is None or loaded.position != at or tail is None or len(tail.events) != 1 or known != command:
        raise StoreUnavailable("Redis does not give back what it took.")
    if not isinstance(read, Batch) or len(read.entries) != 2 or heads != {name: at}:
        raise StoreUnavailable("Redis does not give back what it took.")
    await store.archived(name, at)
    await store.verified(name, at, "again")
    await store.acquire(name, name, LEASE_MS)
    await store.renew(name, name, LEASE_MS)
    await store.leases([name])
    await store.release(name, name)
    await store.delete(name)
