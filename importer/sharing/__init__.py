"""What several processes share that write to one account: its lock, and its limit.

account_lock  one run at a time has an account
"""
