"""TUF: this node's repository, and the client that follows another's."""
