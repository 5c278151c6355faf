"""The HTTP server: authenticates, limits, and turns requests into calls of `protocol.api`; knows no list."""
