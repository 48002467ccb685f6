"""The outside: what talks to a server as a stranger would. Knows nothing of ours but the nouns."""
