"""Benchmarks: one question a file, a peer in the same run, JSON under bench/results/."""
