"""Pictures and files that people send: what they are, pictures made anew, and where the bytes are kept."""
