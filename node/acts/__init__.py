"""What a person can do at a node, each thing once: the command line and the console call it."""
