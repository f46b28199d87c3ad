"""``python -m aggregator.configuration > config/schema.json`` writes the schema anew when settings change."""

import sys

from aggregator.configuration.schema import as_text

sys.stdout.write(as_text())
