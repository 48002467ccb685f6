"""Documentation for people who run Parlor and for people who build on it; parts of it are made from the code."""
