"""The same turn on Holdfast, on a bare floor and, where they are installed, on what one could use instead.

`chainlit_app.py` and `langgraph_app.py` are applications of ours, as simple as the documentation of each has them, and
run in the environment of requirements-peers.lock. Neither keeps anything on a disk.
"""
