"""Every benchmark of this folder, one after the other. Exit code 1 when one missed a target."""

import sys

from benchmarks import pages

sys.exit(pages.main(sys.argv[1:]))
