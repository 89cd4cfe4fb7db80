import os, pathlib, tempfile, orjson, sqlite3
from importer.ledger.opening import open_ledger, Owner
from importer.ledger import codec
from importer.ledger.looking import look_at
import decimal
d=pathlib.Path(tempfile.mkdtemp())/"l"
o=Owner(base_url="https://x",account="1",simulated=False,tool="t")
import anyio
async def main():
    led=open_ledger(d,o)
    for p in sorted(d.iterdir()): print(p.name, oct(p.stat().st_mode), p.stat().st_size)
    led.close()
    print(sorted(p.name for p in d.iterdir()))
    with look_at(d) as v: print(sorted(p.name for p in d.iterdir()))
    print(sorted(p.name for p in d.iterdir()))
anyio.run(main)
for bad in ("\ud800", decimal.Decimal("1.5")):
    try: print(codec.encode({"row":{"a":bad}}))
    except Exception as e: print(repr(e))
