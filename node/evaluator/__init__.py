"""Evaluation with the OPRF keys, on two cores, in a process of its own or in this one."""
