"""Topics on the brokers: their plan, their making, and what stands in the way."""
