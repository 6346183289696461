"""The sink as a service: batches with intents, written once, then committed."""
