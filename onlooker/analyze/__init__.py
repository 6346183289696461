"""`analyze`: pictures and videos to one JSON line a picture or frame, and drawings."""
