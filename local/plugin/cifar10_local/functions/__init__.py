"""AWS Lambda whose execution environments are local Node.js processes."""
