"""The version of the package, in the one place where it is defined."""

__version__: str = "0.1.0"
