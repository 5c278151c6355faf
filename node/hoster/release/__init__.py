"""The release that a partner holds: followed, verified, tried, put in force, and how its last update ended."""
