"""What an operator's own tools see of a process and of the installation: metrics, traces, and the context of log lines.

    journal ─► observer.py ─► metrics.py     of this process; lost with it          /metrics
    journal ─► tallies.py  ─► stored.py      of the installation; kept in SQL       /metrics/installation
    journal ─► traces.py   ─► OTLP           one trace for each run

Nothing here decides anything about a conversation, and nothing that fails here is a reason for a run to wait.
"""
