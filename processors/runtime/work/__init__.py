"""A stage at work on messages: reading, states, checkpoints, what is set aside."""
