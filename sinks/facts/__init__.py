"""Facts as rows: which tables, which columns."""
