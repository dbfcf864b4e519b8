"""The sources of credentials, and the error messages when they fail."""
