"""Figures recomputed beside the live ones, and the row that switches."""
