"""THOUGHT: frames become observations, observations become visits, exposures and windows."""
