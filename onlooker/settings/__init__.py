"""The configuration: its sections, what is refused, which value is in force, where secrets come from."""
