"""A calculator that evaluates no code."""
