"""AWS Batch whose jobs are processes of this machine."""
