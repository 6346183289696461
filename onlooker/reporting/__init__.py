"""The campaign report: its figures, and how they look in a terminal and on a page."""
