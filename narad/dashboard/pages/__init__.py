"""The pages, one module for each: what it needs from the services, and which template draws it."""
