"""Handlers: each turns one request into one call and its result into bytes.

A handler has the name of its endpoint, and its module that of the endpoint's in `protocol.endpoints`.
"""
