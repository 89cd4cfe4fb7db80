"""Budget and spend: items of a campaign, each a request of its own once the campaign is made.

amounts   what people write for money, as a plain decimal
mapped    columns named budget.… and spend.… → the items of a row
telling   what an account shows, against an item in doubt
judging   an answer to the making of one item, and what to do next
maker     intent, request, outcome; what is in doubt is looked up, never made again unseen
phase     all that is due, from the journal, when the campaigns are made
"""
