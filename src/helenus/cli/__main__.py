"""``python -m helenus.cli``."""

from helenus.cli import main

if __name__ == "__main__":
    main()
