"""Witnesses: whether one may cosign, and whose cosignatures a verifier asks for."""
