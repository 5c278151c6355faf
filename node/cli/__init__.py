"""The command line: `sigfed NOUN VERB`, one module a noun; services do the work."""
