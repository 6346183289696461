"""THE ROOF: command line, configuration, wiring. Imports every package; no package imports it."""
