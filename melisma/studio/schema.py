"""`python -m melisma.studio.schema` prints the API's OpenAPI schema: the page's TypeScript is made from it.

In the repository it lies in `web/src/api/openapi.json`; a test fails while that is another one.
"""

import json
import sys
import tempfile
from pathlib import Path

from melisma.studio.app import create_app
from melisma.studio.settings import Settings


def schema() -> str:
    """The schema as JSON, always the same for the same code."""
    with tempfile.TemporaryDirectory(prefix="melisma-") as folder:
        app = create_app(Settings(data=Path(folder), lan=False, host="127.0.0.1"), worker=False)
        found = app.openapi()
        app.state.studio.database.close()
    found["info"]["version"] = "0"
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
