"""A ClickHouse server of our own on this machine."""
