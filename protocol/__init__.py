"""What nodes say to each other: formats, proofs and rules, as pure functions of bytes and values."""
