"""What a node asks of the outside world, as `typing.Protocol`s and the frozen values that they exchange."""
