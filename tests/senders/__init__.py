"""Our check of webhooks' signatures, held against the senders' own libraries: `make senders`."""
