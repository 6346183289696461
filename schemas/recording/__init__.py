"""The files of a recording: records, blocks, index, manifest."""
