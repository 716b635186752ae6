"""The image and the compose file with a real engine: `make image` (`python -m tests.containers.run`)."""
