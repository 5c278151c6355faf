"""What services ask of the outside world, as `typing.Protocol`s and the frozen records they exchange.

Rows never leave `node.store`: a record here is what a service sees.
"""
