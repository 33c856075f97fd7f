"""What is known of a deployment before it starts.

`forecast` looks at the service, and refuses what cannot work. All else is pure: `present` is its
traffic now, and `past` what earlier deployments have shown; `timing` tells by them how long each
step takes, `stages` what happens stage by stage, and `facts` and `notes` what speaks for it.
"""
