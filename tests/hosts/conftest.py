"""The tiny study is in a folder beside this one."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "ray"))
