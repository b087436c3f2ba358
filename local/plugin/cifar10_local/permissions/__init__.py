"""What users, jobs and functions may do: LocalStack itself lets everybody do everything."""
