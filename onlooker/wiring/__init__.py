"""The only package that builds real adapters: settings in, ready to connect with, working parts out."""

from onlooker.wiring.people import build_enroller
from onlooker.wiring.perception import (
    Networks,
    build_eyes,
    build_networks,
    cache_dir,
    sample_clip,
)

__all__ = ["Networks", "build_enroller", "build_eyes", "build_networks", "cache_dir", "sample_clip"]
