"""How entries come in: what is due, fetched or found in a folder, parsed where it can be stopped, made clean."""
