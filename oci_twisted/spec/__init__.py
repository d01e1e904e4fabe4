"""
The vocabulary of the OCI specifications as values: no I/O, no Twisted.

Text from outside is parsed here, once; inside the program an invalid name or digest cannot exist.
"""
