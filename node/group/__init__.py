"""The group that this process computes with: found, tested and handed to the protocol.

`load` decides which of two it is: sigfed's own kernel (C, in `kernel/`, compiled by `build_hook` when the package is
installed) or libsodium (`sodium`). No group is used that fails `self_test`. See docs/spec/oprf.md.
"""
