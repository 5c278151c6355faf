"""The console: what officers and operators look at, served by the running node to people with a browser.

The whole surface is two tables (`node.console.surface`): pages that are read and actions that are posted. One set of
handlers serves them, so that who may do what, and that nothing is done at another site's wish, is decided in one place.
"""
