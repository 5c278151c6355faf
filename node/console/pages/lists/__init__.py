"""Pages about lists: what is held, guarded, set aside and released."""
