"""What a Lightning logger is sent."""
