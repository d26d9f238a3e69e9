"""What the scripts in this folder ask of Python: rules of the house and generated files."""
