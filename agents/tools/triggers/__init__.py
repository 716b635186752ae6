"""Triggers that an agent sets up for the person it works for."""
