"""The judge of a partner's machine: it answers for every file at once, by each subset that the home follows."""
