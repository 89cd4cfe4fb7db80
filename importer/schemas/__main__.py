"""`python -m importer.schemas FOLDER`."""

import sys
from pathlib import Path

from importer.schemas.published import write

write(Path(sys.argv[1]))
