"""Handlers, one module per audience: each turns one request into one call and its result into bytes."""
