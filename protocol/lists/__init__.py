"""A list: its events, what they hide, who may read it, the rules that hold it together, and what it adds up to."""
