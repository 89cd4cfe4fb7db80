"""What an import needs, looked at before it begins: token, account, scopes, quota, clock, disk."""
