"""What LocalStack 4.14's free edition lacks, done with processes of this machine instead of Docker."""
