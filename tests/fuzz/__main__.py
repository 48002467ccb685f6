"""`python -m tests.fuzz --packets 1000000 [--only mounted|chat] [--seed 0] [--stops 20]`: half at each server."""

import argparse
import sys

from tests.fuzz.campaign import campaign, stops

SERVERS = ("mounted", "chat")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--packets", type=int, default=1_000_000, help="that the servers read, together")
    parser.add_argument("--only", choices=SERVERS)
    parser.add_argument("--seed", type=int, default=0, help="of the first batch")
    parser.add_argument("--stops", type=int, default=20, help="of each server, in the midst of a crowd")
    choice = parser.parse_args()
    servers = [choice.only] if choice.only else list(SERVERS)
    read = 0
    for which in servers:
        seen = campaign(which, choice.packets // len(servers), choice.seed, tell=lambda line: print(line, flush=True))
        read += seen["read"]
        before = seen["warm"] or seen
        print(
            f"{which}: {seen['read']:,} packets read of {seen['sent']:,} sent in {seen['seconds']:.0f} s; no fault, "
            f"nothing left behind; memory {before['memory'] / 1e6:.1f} MB warm, {seen['memory'] / 1e6:.1f} MB in the "
            f"end; statuses {seen['statuses']}; stopped in {seen['stop']:.1f} s",
            flush=True,
        )
        longest = stops(which, choice.seed, choice.stops)
        print(f"{which}: stopped {choice.stops} times in the midst of a crowd, in {longest:.1f} s at most", flush=True)
    print(f"{read:,} packets: no fault.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
