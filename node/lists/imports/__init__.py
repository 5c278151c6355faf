"""From the rows of a file to waiting entries of an own list: what is new, and what collides."""
