"""`python -m node`: the same as the installed command `sigfed`."""

from node.cli.main import main

if __name__ == "__main__":
    main()
