"""Benchmarks: `make bench`. Ratios within one run mean something, absolute times on a shared machine do not."""
