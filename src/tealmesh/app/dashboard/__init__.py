"""What the page at `/_teal/` stands on: its files, sessions, operations in JSON, and the stream of
changes. docs/stream.md describes them for those who write such a page; design note 042.
"""
