"""CloudFormation resource types that LocalStack does not have."""
