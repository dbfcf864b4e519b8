"""The transport: the interface through which every HTTP request is sent, and its drivers."""
