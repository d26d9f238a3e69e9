"""Rego evaluated by an OPA server, over its REST API."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import urllib.error
import urllib.request
from typing import Any

from pydantic import JsonValue

from policies.errors import EngineAway, EngineFailed, RulesInvalid
from policies.ruleset import RuleSet
from policies.settings import PolicySettings

log = logging.getLogger(__name__)

LARGEST_ANSWER = 4 * 1024 * 1024


class OpaServer:
    """Asks an OPA server, and gives it the rules first; safe to share between threads.

    The rules are given again when the server does not know them any more, as after its restart.
    """

    name = "opa"

    def __init__(self, settings: PolicySettings, rules: RuleSet) -> None:
        self._url = (settings.opa_url or "").rstrip("/")
        self._token = settings.opa_token.get_secret_value() if settings.opa_token else None
        self._seconds = settings.opa_seconds
        self._rules = rules
        self._lock = threading.Lock()
        self._given = False

    def evaluate(self, rule: str, question: JsonValue) -> JsonValue:
        """Return the value of a rule such as `roadcrew.decision`, None where it is undefined; raises `EngineFailed`."""
        self._give(again=False)
        answer = self._ask(rule, question)
        if answer is None:
            self._give(again=True)
            answer = self._ask(rule, question)
        return answer

    def _ask(self, rule: str, question: JsonValue) -> JsonValue:
        # The server answers an undefined rule with 200 and no result.
        path = f"/v1/data/{rule.replace('.', '/')}?strict-builtin-errors=true"
        body = self._send("POST", path, {"input": question})
        value: JsonValue = body.get("result")
        return value

    def _give(self, again: bool) -> None:
        with self._lock:
            if self._given and not again:
                return
            for key, data in self._rules.document().items():
                self._send("PUT", f"/v1/data/{key}", data)
            for package, module in self._rules.modules().items():
                self._send("PUT", f"/v1/policies/{package}", module)
            self._given = True
            log.info("gave the rules to the policy engine at %s", self._url)

    def _send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        plain = isinstance(body, str)
        headers = {"Content-Type": "text/plain" if plain else "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = (body if plain else json.dumps(body)).encode()
        request = urllib.request.Request(self._url + path, data=data, headers=headers, method=method)  # noqa: S310 - the settings admit http and https only
        try:
            with _opener().open(request, timeout=self._seconds) as response:
                return _object(response.read(LARGEST_ANSWER))
        except urllib.error.HTTPError as fault:
            with fault:
                raise self._refused(method, path, fault) from fault
        except (OSError, http.client.HTTPException) as fault:
            raise EngineAway(
                f"the policy engine at {self._url} does not answer: {getattr(fault, 'reason', fault)}",
                "start it, or unset OPA_URL to decide in process",
            ) from fault

    def _refused(self, method: str, path: str, fault: urllib.error.HTTPError) -> RulesInvalid | EngineFailed:
        words = fault.read(2000).decode("utf-8", "replace")
        if method == "PUT" and fault.code == 400:
            return RulesInvalid(f"the policy engine refuses {path}: {' '.join(words.split())}", "mend that rule")
        hint = "set a token that it accepts" if fault.code in (401, 403) else "look into its log"
        return EngineFailed(f"the policy engine at {self._url} answers {fault.code} to {method} {path}", hint)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener without proxies: what an agent wants to do is told to the engine alone."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw) if raw.strip() else {}
    except ValueError as fault:
        raise EngineFailed(f"the policy engine's answer is no JSON: {raw[:80]!r}", "check OPA_URL") from fault
    if not isinstance(value, dict):
        raise EngineFailed(f"the policy engine's answer is no object: {raw[:80]!r}", "check OPA_URL")
    return value
