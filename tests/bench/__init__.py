"""What a delivery costs, beside others: `make bench`."""
