"""`python -m tsrevel`: the same as the console script."""

from tsrevel.cli import main

if __name__ == "__main__":
    main()
