"""`python -m printos_ext.cli` is `printos`."""

import sys

from . import main

sys.exit(main())
