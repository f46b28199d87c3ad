"""The read side over HTTP: a small server beside the ticks, on loopback unless told otherwise.

``site`` listens, and gives every answer its strict headers; ``health`` says how the service is. A further
group of routes is one more module with a function that gives them.
"""
