"""OBSERVE: frames of a stand to observations."""
