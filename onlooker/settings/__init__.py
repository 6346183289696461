"""The configuration: its sections, what is refused, where passwords come from."""
