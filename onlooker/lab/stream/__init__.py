"""The benchmark of the services next to their floors."""
