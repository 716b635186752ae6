"""What is removed, when, and how: by age (policies), and for good because somebody wants it (erasures).

policy.py     the shape of a policy, and of what an entrance keeps of people   (pure)
table.py      the one table: the core's policies and the entrances', and what stays, with the reason
purge.py      rows with what hangs on them, leaves first, so few at a time that nobody waits
erasing.py    a conversation, a person: out of Redis, storage and SQL
strays.py     files in the storage that no row names
rounds.py     one round over all policies; erasures that were asked for
service.py    what every worker does of it
"""
