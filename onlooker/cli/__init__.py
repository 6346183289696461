"""The onlooker command: one module a group of verbs."""
