"""Reprocessing as a person sees it: differences and words."""
