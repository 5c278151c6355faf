"""Reporters: who else is told about a hit, and how. The port is `node.ports.reporters`."""
