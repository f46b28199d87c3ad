"""How entries come in: what is due, fetched or found in a folder, parsed in a cage, made clean."""
