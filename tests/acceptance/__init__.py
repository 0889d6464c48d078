"""Black box: HTTP, the command line, signals; the same tests embedded and distributed."""
