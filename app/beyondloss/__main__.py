"""`python -m beyondloss` is `beyondloss`."""

from beyondloss.cli import main

if __name__ == "__main__":
    main()
