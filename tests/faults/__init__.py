"""Nothing said is lost, doubled or out of order, whatever breaks. Each file is a way of breaking; checker.py judges."""
