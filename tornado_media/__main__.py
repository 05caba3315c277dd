"""`python -m tornado_media`: the command line, under the package's own name."""

from __future__ import annotations

from tornado_media.cli import main

if __name__ == "__main__":
    main()
