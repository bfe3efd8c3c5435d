"""Files that are whole or not there, one writer to a folder, and what a file must hold to be read."""
