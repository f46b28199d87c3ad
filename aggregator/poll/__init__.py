"""One poll from beginning to end; `pipeline` is the page on which the whole way can be read.

In come a source, the fetcher, the parser and the database; out comes a `PollResult`, and what the poll
changed is committed. Beside it: subscribing, discovery, hubs, full text, and what a person is told of each
source. It never knows when it is called, nor by whom.
"""
