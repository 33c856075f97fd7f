"""What is known of a deployment before it starts.

`forecast` looks at the service, and refuses what cannot work. `facts` and `stages` are pure: what
is known and whether it speaks for the deployment, and what it would do stage by stage.
"""
