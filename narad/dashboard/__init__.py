"""The dashboard: pages for people, made on the server from the same services and scopes as the API."""
