"""Every benchmark of this folder, one after the other. Exit code 1 when one missed a target."""

import sys

from benchmarks import alarms, pages

sys.exit(max(alarms.main([]), pages.main(sys.argv[1:])))
