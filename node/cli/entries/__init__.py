"""Commands about what an agency lists: hashes, entries, what is said against them, reviews."""
