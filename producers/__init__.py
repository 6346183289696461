"""SENSES: cameras, recordings and playlists become frame and play events."""
