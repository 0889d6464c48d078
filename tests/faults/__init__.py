"""What Narad does when something breaks: real processes, private servers, real faults."""
