"""How a call is made: encode, sign, send, decode."""
