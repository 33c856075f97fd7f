"""What is known of a deployment before it starts.

`forecast` looks at the service, and refuses what cannot work.
"""
