"""What tests import: real servers of their own and the tools to hurt them."""
