"""The daemons of a partner's machine: they judge what other programs hand over, until they are told to stop."""
