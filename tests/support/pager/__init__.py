"""A second messenger, for tests: a real object behind the contract of chat/messenger/adapter.py, in this process.

It is as little like Feishu as the contract lets it be: plain text without any markup, pages of 1,000 characters, cards
that are lists of lines, ids that are numbers, and a uuid that it remembers for ten minutes.
"""
