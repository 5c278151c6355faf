"""The command line as a process has it that is about to run a command, so that this can be loaded in advance."""

import gc

from node.cli.command_tree import Loaded
from node.cli.main import command_line
from node.group.load import load_group

command_line()
dict(Loaded())
load_group()  # a fork knows that its kernel passed the self-test
gc.freeze()  # no fork looks through what is loaded by now
