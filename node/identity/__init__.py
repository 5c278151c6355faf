"""What is open of a node: settings, keys, trust files, logs and store, and what it knows of its own past."""
