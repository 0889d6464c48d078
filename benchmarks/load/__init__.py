"""A load generator that costs little enough not to be what is measured."""
