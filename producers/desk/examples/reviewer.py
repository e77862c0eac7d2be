"""A reviewer app over HTTP: python reviewer.py http://127.0.0.1:8090 ann (with identity on: HITL_REVIEWER_TOKEN=…)."""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any

KEYS = {"a": "approve", "r": "reject", "e": "escalate", "w": "mark_wrong"}


def post(url: str, who: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and answer. What is away is asked again: with an id of its own in it, nothing counts twice."""
    headers = {"Content-Type": "application/json", "Reviewer-Id": urllib.parse.quote(who)}
    if token := os.environ.get("HITL_REVIEWER_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as got:
                return got.status, json.load(got)
        except urllib.error.HTTPError as error:
            with error:
                said = json.load(error)
            if error.code != 503:
                return error.code, said
            print(said["detail"], file=sys.stderr)
            time.sleep(float(error.headers["Retry-After"]))


def review(url: str, who: str) -> int:
    """Case after case until none is left or the person types q; how many were decided."""
    decided = 0
    while True:
        status, case = post(f"{url}/v1/cases:next", who, {})
        if status != 200 or "request_id" not in case:
            print(case["detail"])
            return decided
        model = case["recommendation"]
        print(f"\n{case['content']}\nwhy: {case['reason']}; served: {case['rule']}")
        print(f"model: {model['label']} at {model['confidence']:.0%}" if model else "model: not shown")
        keys = {key: action for key, action in KEYS.items() if action in case["actions"]}
        prompt = ", ".join(f"{key} {action}" for key, action in keys.items()) + ", q quit > "
        while (key := input(prompt).strip()) not in {*keys, "q"}:
            pass
        path = f"{url}/v1/cases/{urllib.parse.quote(case['request_id'], safe='')}"
        if key == "q":
            post(f"{path}:release", who, {"lease": case["lease"]})
            return decided
        seen = {"lease": case["lease"], "review": case["review"]}
        status, said = post(f"{path}/decisions", who, {"action": keys[key], "decision_id": str(uuid.uuid4()), **seen})
        decided += status == 200
        print(f"{said['became']}" if status == 200 else f"not taken: {said['detail']}")


if __name__ == "__main__":
    print(f"{review(sys.argv[1].rstrip('/'), sys.argv[2])} decided")
