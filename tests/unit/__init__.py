"""Parts by themselves, without servers: values, decisions, loops that are handed what they need."""
