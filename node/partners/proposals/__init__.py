"""Files that partners propose: taken in, reviewed, answered."""
