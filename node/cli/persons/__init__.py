"""Commands about who may do what here, and what waits for a second person."""
