"""Oblivious evaluation of a pseudorandom function: RFC 9497, suite ristretto255-SHA512.

The product uses mode 1 (VOPRF); modes 0 and 2 exist so that every vector of the suite can be checked.
`group` is the only file that knows libsodium, `suite` the only one that knows the RFC's strings. Spec:
docs/spec/oprf.md.
"""
