"""AWS Lambda whose execution environments are Node processes of this machine."""
