"""
Tokens of others: those of a token server, and those of OpenID Connect issuers such as the systems that run CI jobs.
"""
