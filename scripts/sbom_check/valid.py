"""Whether the file that is named is a bill of materials by the schema of CycloneDX, strictly."""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(Path(sys.argv[1]).read_text())
if error:
    sys.exit(f"{sys.argv[1]} is no CycloneDX 1.5: {error}")
