"""MEMORY: events become rows in ClickHouse; questions become answers."""
