"""The face of Roadcrew: commands, settings and jobs; it builds the parts and passes them down."""

__version__ = "0.1.0"
