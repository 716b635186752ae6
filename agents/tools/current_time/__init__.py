"""The time in a city or a time zone."""
