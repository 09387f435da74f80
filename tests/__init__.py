"""The tests of both packages, and what they share."""

import os
import sys

# Without it every worker and every program that is started compiles all anew, and rewrites all
# asserts: half a minute of a plain run. What is left is only what git ignores.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
