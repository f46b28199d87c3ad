"""How stories are told as soon as they are worth it: to webhooks, by e-mail, to other services.

In come stories that have gained something, and the targets of the configuration; out go messages, each story
once to each target that wants it, in order. `wanted` decides, `message` spells, `mail` and `notify` send (a
webhook is posted to by the fetcher), `outbox` keeps what has been told and tries again. It knows nothing of
how stories come about.
"""
