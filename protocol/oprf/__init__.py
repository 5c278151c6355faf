"""Oblivious evaluation of a pseudorandom function: RFC 9497, suite ristretto255-SHA512.

Of its modes the one whose results are proven, mode 1 (VOPRF).
`group` is the only file that knows libsodium, `suite` the only one that knows the RFC's strings. Spec:
docs/spec/oprf.md.
"""
