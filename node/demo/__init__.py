"""The demonstration: two agencies and a partner on one machine, as separate processes that a user could have typed.

It drives the product only through its command line and real HTTPS; what it claims is read from what the commands
answer and from what lies in their folders. Every file and hash in it is made up on the spot.
"""
