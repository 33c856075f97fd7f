"""What runs in the image of Envoy (`images/envoy`): the agent beside Envoy, as App Mesh's image had
one, and the program of the container that is stopped first.

    teal-envoy            writes Envoy's bootstrap, runs Envoy, answers at port 9902
    teal-envoy drain      waits for SIGTERM and has the task drained before its application stops
    teal-envoy health     whether Envoy is ready, for a container's health check

The agent stays small for as long as a task lives, so it imports little: what needs much (protobuf,
botocore) runs in processes that end at once, `preparing` and `proving`. `variables` says what the
environment may contain, `settings` what the agent reads of it, `run` puts the parts together,
`leaving` is how a task leaves without losing a request. Design note 054.
"""
