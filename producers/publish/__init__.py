"""Events on their way to the brokers: encoded, bounded, acknowledged."""
