"""The object store: a folder on disk, where each kind of object lies in it, and how it is sealed and checked."""
