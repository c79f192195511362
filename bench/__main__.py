"""``python -m bench`` is the command ``scorebench``."""

from bench.commands.main import main

if __name__ == "__main__":
    main()
