"""What the README says, on a fresh Debian: `make roots` (`python -m tests.roots.run`)."""
