"""Reports into stories, in the database; correcting, explaining, evaluating and forgetting them.

In come reports and an open transaction; out go memberships with their evidence. What is one story is
decided in `dedup`; here the decision is carried out, and `linker` is the way in. It never knows a feed, a
poll or a clock.
"""
