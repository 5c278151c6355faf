"""How a node is: what `sigfed doctor` finds, what of it is kept, and what cannot be written."""
