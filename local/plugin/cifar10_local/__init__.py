"""What the free edition of LocalStack 4.14 does not have, with local processes instead of Docker containers."""
