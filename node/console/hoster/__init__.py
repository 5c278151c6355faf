"""The console of a partner: what a hoster's trust-and-safety people look at, served from the home where it enrolled.

It is a console like the agency's, with the same handlers, forms, policy and look; its own are its two tables
(`node.console.hoster.surface`), its world and how somebody comes in. It can do nothing that the commands cannot.
"""
