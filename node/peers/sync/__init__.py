"""A peer's lists, pulled and held."""
