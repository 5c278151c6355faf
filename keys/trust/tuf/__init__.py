"""TUF: roots, who holds their keys, how the next one is written, and the repository."""
