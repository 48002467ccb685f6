"""What tests share. Everything here talks to the shipped server as a stranger would."""

PATIENCE = 30.0  # seconds: the one limit for waiting on a condition; a test that waits this long has failed. No promise
# is measured by it, so it is long enough for a machine that has other things to do, or a third of the usual speed
