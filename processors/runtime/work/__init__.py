"""A stage at work on messages: desks, states, checkpoints, what is set aside."""
