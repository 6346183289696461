"""For maintainers: `python -m onlooker.models.pin CACHE` writes the answers of the prepared models to stdout.

Run it after a recipe or a source has changed, once its parity with the original has been checked:
the output becomes `answers.json`.
"""

import sys
from pathlib import Path

import msgspec

from onlooker.models.answers import answered
from onlooker.models.cache import ModelCache
from onlooker.models.registry import load_registry
from processors.vision.nets import OnnxNet

if __name__ == "__main__":
    registry, cache = load_registry(), ModelCache(Path(sys.argv[1]))
    found = {e.stage: answered(OnnxNet(cache.model_path(e.stage)), e) for e in registry.models}
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
