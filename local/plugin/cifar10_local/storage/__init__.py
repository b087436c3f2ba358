"""S3 whose model bucket is kept outside LocalStack, which loses its own state whenever it ends."""
