"""Lets the node that loads this answer whoever enrols or replaces a key with what is no answer, once it did both."""

from protocol.messages import EnrolmentReply, RenewalReply

for _reply in (EnrolmentReply, RenewalReply):
    setattr(_reply, "to_bytes", lambda _: b"<html>")  # noqa: B010 - a method is replaced on purpose
