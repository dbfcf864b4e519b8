"""The sans-I/O engine: what to send, what a response means, and whether to retry.

Nothing here opens a socket, sleeps or starts a thread, so that the blocking and asynchronous client
drive the same code.
"""
