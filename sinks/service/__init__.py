"""The sink, as a service and in one process: batches written once, under tokens, then committed."""
