"""What can be added to Holdfast without a fork, in one package."""
