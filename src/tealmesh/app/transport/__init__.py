"""What listens beyond loopback: certificates, TLS, and the connections before a caller is known.

Design note 039.
"""
