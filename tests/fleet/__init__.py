"""Real hosts on loopback for the tests and benchmarks."""
