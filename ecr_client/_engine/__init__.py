"""The call path without I/O: what to send, what a response means, and whether to try again.

Nothing here opens a socket, sleeps or starts a thread, so a synchronous and an asynchronous client
can drive the same code.
"""
