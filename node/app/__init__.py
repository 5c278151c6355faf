"""The composition root: from a home folder to a node whose parts are joined; no decisions of its own."""
