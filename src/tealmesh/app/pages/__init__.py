"""Our own pages on the HTTP port. `mounted` says which there are."""
