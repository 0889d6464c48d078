"""HTTP out: what handlers call, guarded against being talked into calling what is not public."""
