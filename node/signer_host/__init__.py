"""The process that has the keys apart from the node that talks to the world."""
