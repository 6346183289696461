"""The recorder: topics into files that survive a kill."""
