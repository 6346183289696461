"""THE LANGUAGE: events, errors, ports, ids and units that every package speaks."""
