"""Pages of the partner's console, a module for each."""
