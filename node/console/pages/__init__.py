"""The pages of the console, a module each: what it gathers, and what can be done on it."""
