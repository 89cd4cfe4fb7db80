"""What several processes share that write to one account: its lock, and its rate limit.

    account_lock  one run at a time has an account
    limit         the limit as a run is told it; pacer, its shell: slots are taken in turns
    turns         one turn, from its wish to what it grants
    window        what a turn does; kept, the rolling window between turns; clock, one time for all; book, as bytes
    limit_file    the state in a file; limit_redis, in Redis at a redis_address

Nothing here speaks to HubSpot, and nothing trusts the clock of a host.
"""
