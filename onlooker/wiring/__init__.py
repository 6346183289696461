"""The only package that builds real adapters: settings in, working parts out."""

from onlooker.wiring.people import build_enroller
from onlooker.wiring.perception import (
    Parts,
    build_eyes,
    build_parts,
    cache_dir,
    sample_clip,
)

__all__ = ["Parts", "build_enroller", "build_eyes", "build_parts", "cache_dir", "sample_clip"]
