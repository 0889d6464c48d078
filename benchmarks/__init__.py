"""How fast Narad is: real processes on private servers, next to what bounds it and to what others offer."""
