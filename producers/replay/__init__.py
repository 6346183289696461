"""A recording played again: its order, its pace, where it goes."""
