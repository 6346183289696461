"""What works here and what does not: this machine, and the servers it is told of."""
