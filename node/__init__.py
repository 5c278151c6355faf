"""The running node: all I/O, and the services that join it to the protocol."""
