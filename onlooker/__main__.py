"""`python -m onlooker` is `onlooker`."""

from onlooker.cli.root import main

if __name__ == "__main__":
    main()
