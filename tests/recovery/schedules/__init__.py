"""Schedules under fire: real workers that are killed all the time, while a clock runs over changes of summer time."""
