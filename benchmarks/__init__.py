"""Benchmarks anyone can run: `python -m benchmarks`; README.md tells how they measure."""
