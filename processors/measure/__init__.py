"""MEASURE: observations and plays of a stand to visits, exposures and windows."""
