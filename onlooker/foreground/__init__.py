"""A command in the foreground: progress, pausing, stopping."""
