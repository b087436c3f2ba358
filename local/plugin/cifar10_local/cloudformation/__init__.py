"""CloudFormation resource types that LocalStack lacks."""
