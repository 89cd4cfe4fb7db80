"""Where the index keeps ten million identities: sorted runs on disk, a filter in front of them, little memory.

In reading order: `layout` an entry as bytes; `bloom` the filter; `storage` files; `runs` one sorted, immutable file;
`tiers` many of them as one table, and how they are merged; `manifest` which of them count; `names` who bears a name.
"""
