"""Pages about entries: imports, reviews, corrections, recalls, who holds a hash."""
