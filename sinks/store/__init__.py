"""ClickHouse: connections, addresses, migrations."""
