"""The one way in which anything is sent over HTTP, and its drivers."""
