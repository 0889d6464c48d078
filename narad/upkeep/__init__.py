"""Background loops that repair and tidy, one file each."""
