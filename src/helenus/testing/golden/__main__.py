"""Run by ``python -m helenus.testing.golden``."""

import sys

from helenus.testing.golden.command import main

sys.exit(main())
