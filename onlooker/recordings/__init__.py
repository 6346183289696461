"""Recordings as a person handles them: shown, verified, compared, blurred."""
