"""The cameras of a run or a capture: started, watched and ended together."""
