"""A first start that is interrupted and begun again: `make first-starts` (`python -m tests.starts.run`)."""
