"""Measurements, each beside a bare baseline in the same run: `make bench` (see docs/benchmarks.md)."""
