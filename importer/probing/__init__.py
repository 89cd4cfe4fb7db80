"""`importer probe`: questions to a real account that no document answers, and what the answers say of A1 to A4.

running       a whole probe: the account, the question to the user, the experiment, the tidying
experiment    what is sent, waited for and looked at, in its order
bench         the requests, counted; what the probe made, and how it is taken away again
observations  what is sent and what was seen, as values
judging       observations to findings, one small function a question; manners, those on which nothing rests
findings      a question with its answer and its verdict, and what their sum is
writing       a probe as probe-report.md and probe.json
"""
