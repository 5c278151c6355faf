"""The chapters of the walk, and what they look at."""
