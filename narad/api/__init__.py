"""HTTP in and out: checks what comes in, stores it, and shows what is stored. Knows nothing of how tasks are run."""
