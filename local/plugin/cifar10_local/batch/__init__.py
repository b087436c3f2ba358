"""AWS Batch whose jobs are local processes."""
