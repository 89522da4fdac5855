"""AWS resources for slimgate, as constructs of the CDK."""
