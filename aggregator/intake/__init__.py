"""How entries come in: what is due, fetched or picked up from a folder, parsed where it can be stopped, made clean."""
