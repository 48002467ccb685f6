"""What tests share. Everything here talks to the shipped server as a stranger would."""

PATIENCE = 5.0  # seconds: the one limit for waiting on a condition; a test that waits this long has failed
