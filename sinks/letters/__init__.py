"""Dead letters: sent, stored, shown."""
