"""How right the merging is, beside other methods on the same texts; see ``benchmarks/README.md``."""
