"""The command line: `sigfed NOUN VERB`, a folder a subject; what lies below does the work."""
