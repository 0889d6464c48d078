"""How the parts of a process are made from its settings, role by role; `narad.runtime` puts them together."""
