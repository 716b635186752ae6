"""An installation of the release before, carried over to this one with conversations in every state."""
