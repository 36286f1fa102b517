"""Benchmarks: ratios of contestants interleaved in one run, medians; never part of the tests."""
