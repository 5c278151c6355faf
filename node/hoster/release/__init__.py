"""The release that a partner holds: followed, verified, put in force, and what follows an update."""
