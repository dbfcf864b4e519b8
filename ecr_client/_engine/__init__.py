"""The sans-I/O engine: what to send, what a response means, and whether to retry.

Nothing here opens a socket, sleeps or starts a thread, so that synchronous and asynchronous clients
can drive the same code.
"""
