"""The lab: benchmarks and evaluations, each a command."""
