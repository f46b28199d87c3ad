"""How polite the polling is, and how much of it one small machine carries: `python -m benchmarks.polite`."""
