"""One request and everything that may be done with it: the server's side of a conversation, without the sockets."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import orjson

from importer.simulator import item_operations, operations, property_operations, replies
from importer.simulator.account import Account
from importer.simulator.policy import READ_SCOPE, WRITE_SCOPE
from importer.simulator.properties import brand_problem, problem_of, properties_of, unpack
from importer.simulator.replies import Detail, RefusedError, Reply

#: The scope that an operation needs; the others need none.
SCOPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("create", "create_one", "update", "archive", "item", "item_change"), WRITE_SCOPE),
    **dict.fromkeys(("read", "list", "totals"), READ_SCOPE),
}
_ACTIONS: Final = {**operations.ACTIONS, **item_operations.ACTIONS, **property_operations.ACTIONS}


class Call(NamedTuple):
    """What was asked for."""

    number: int  #: of the request, from 1, over all runs of this state
    operation: str  #: one of `faults.OPERATIONS`
    action: str  #: the entry of `ACTIONS` of `operations`, `item_operations` or `property_operations`
    version: str  #: v3, 2026-03 or 2026-09
    path: str
    target: str  #: the campaign id in the path, or empty
    query: Mapping[str, Sequence[str]]
    body: bytes
    base_url: str
    item: str = ""  #: the id of a budget or spend item in the path, or empty


class Memory:
    """What one exchange leaves for the next ones."""

    def __init__(self) -> None:
        self.created: Reply | None = None  #: the latest ordinary reply to a create


class Exchange:
    """Does what a call asks for; what a fault may do is described by `struck.Struck`."""

    def __init__(
        self,
        call: Call,
        account: Account,
        memory: Memory,
        *,
        rng: Random,
        shuffle: Random,
        parameter: float,
        later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self.call = call
        self.account = account
        self.rng = rng
        self.parameter = parameter
        self._memory = memory
        self._shuffle = shuffle
        self._later = later
        self._started_ms = account.now_ms()
        self._errors: list[Detail] = []
        self._document: Any = None

    def document(self) -> Any:
        """Return the body as parsed JSON; raise `RefusedError` when it is none."""
        if self._document is None:
            try:
                self._document = orjson.loads(self.call.body)
            except orjson.JSONDecodeError as error:
                raise RefusedError(Detail("Invalid input JSON", code="INVALID_JSON")) from error
        return self._document

    def inputs_count(self) -> int:
        """Return how many inputs the body holds, as far as it can be told."""
        try:
            inputs = self.document()["inputs"]
        except (RefusedError, TypeError, KeyError):
            return 0
        return len(inputs) if isinstance(inputs, list) else 0

    def inputs(self) -> list[dict[str, Any]]:
        """Return the inputs of a batch; raise `RefusedError` when there are none or too many."""
        return unpack(self.document())

    def sent(self) -> list[Mapping[str, str]]:
        """Return the properties of each input; raise `RefusedError` when one has none."""
        return [properties_of(item) for item in self.inputs()]

    def problem(self, properties: Mapping[str, str], *, partial: bool = False) -> Detail | None:
        """Return what the account's rules find wrong with `properties`, or None."""
        policy = self.account.policy
        found = problem_of(
            properties,
            goal=policy.goal,
            custom=self.account.custom_properties,
            choices=policy.check_choices,
            poison=policy.poison,
            partial=partial,
        ) or brand_problem(properties, policy.brands)
        if found and policy.name_errors:
            name = properties.get("hs_name", "")
            return found._replace(context={**found.context, "hs_name": [name]})
        return found

    def answer(self) -> Reply:
        """Do what was asked for and return the ordinary reply; a refusal is a reply, too."""
        try:
            reply = _ACTIONS[self.call.action](self)
        except RefusedError as refused:
            return self.error(refused.detail)
        if self.call.action == "create" and reply.status in {201, 207}:
            self._memory.created = reply
        return reply

    def make(self, *, only: Sequence[int] | None = None, created_skew_s: float = 0.0) -> list[dict[str, Any]]:
        """Make the campaigns of a batch, or those of the inputs `only`, and return them as shown in a reply.

        Raises `RefusedError` when the batch is at fault; nothing is made then, unless the account breaks assumption A1.
        """
        sent = self.sent()
        problems = [self.problem(properties) for properties in sent]
        self._errors = [problem for problem in problems if problem]
        behaviour = self.account.policy.bad_record
        if self._errors and (behaviour == "refuse_all" or len(self._errors) == len(sent)):
            raise RefusedError(self._errors[0])
        wanted = range(len(sent)) if only is None else only
        good = [sent[index] for index in wanted if problems[index] is None]
        positions = self.account.make(good, request=self.call.number, skew_s=created_skew_s)
        if self._errors and behaviour == "make_and_refuse":
            raise RefusedError(self._errors[0])
        return [self._echoed(position) for position in positions]

    def _echoed(self, position: int) -> dict[str, Any]:
        policy, store = self.account.policy, self.account.store
        if policy.echo == "none":
            return store.shown(position, {})
        text = store.texts[position]
        if policy.echo == "all" and not policy.hide and '"hs_business_unit_ids"' not in text:
            return store.shown(position, orjson.Fragment(text))
        hidden = {"hs_business_unit_ids", *policy.hide}
        properties = store.properties(position)
        names = {"hs_name"} if policy.echo == "name" else properties.keys()
        return store.shown(position, {name: properties[name] for name in names - hidden if name in properties})

    def created(self, results: Sequence[Any], *, state: str = "COMPLETE") -> Reply:
        """Return the reply to a create, its results in shuffled order."""
        return self.batch(results, self._errors, 201, state=state)

    def partly(self, results: Sequence[Any], errors: Sequence[Detail], *, errors_told: int | None = None) -> Reply:
        """Return the reply to a create that made only some."""
        return self.batch(results, [*self._errors, *errors], 201, errors_told=errors_told)

    def batch(
        self,
        results: Sequence[Any],
        errors: Sequence[Detail],
        full_status: int,
        *,
        state: str = "COMPLETE",
        errors_told: int | None = None,
    ) -> Reply:
        """Return the reply to a batch, its results in shuffled order."""
        shuffled = list(results)
        self._shuffle.shuffle(shuffled)
        return replies.batch(
            shuffled,
            errors,
            version=self.call.version,
            full_status=full_status,
            times=(self._started_ms, self.account.now_ms()),
            state=state,
            errors_told=errors_told,
        )

    def error(self, detail: Detail, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
        """Return an error in HubSpot's form."""
        return replies.error(detail, self.account.new_id(), headers=headers)

    def refusal(self, status: int, message: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
        """Return an error in HubSpot's form; a 403 names the scope."""
        if status == 403:
            return self.missing_scope()
        return self.error(replies.plain(status, message), headers)

    def missing_scope(self) -> Reply:
        """Return HubSpot's 403 with the scope that this operation needs."""
        scope = SCOPES.get(self.call.operation, READ_SCOPE)
        return self.error(
            replies.plain(
                403,
                "This app hasn't been granted all required scopes to make this call.",
                context={"requiredGranularScopes": [scope]},
            )
        )

    def throttled(self, policy_name: str) -> Reply:
        """Return HubSpot's 429."""
        return replies.throttled(policy_name, self.account.new_id(), self.account.policy.retry_after)

    def stranger(self, *, twin: bool) -> dict[str, Any]:
        """Let somebody else make a campaign now: a twin of one of ours, or one of their own."""
        own = {"hs_name": f"Somebody else's {self.rng.getrandbits(32):08x}", "hs_notes": "not of this import"}
        properties = self.rng.choice(self.sent()) if twin else own
        position = self.account.make([properties], request=self.call.number, foreign=True)[0]
        return self._echoed(position)

    def earlier(self) -> Reply:
        """Return the latest ordinary reply to a create before this one, or one that fits nothing."""
        return self._memory.created or self.created([self.stranger(twin=False)])

    def page(self, change: Callable[[dict[str, Any]], None]) -> Reply:
        """Return the ordinary reply to a listing, after `change` to its body."""
        reply = self.answer()
        if reply.status != 200:
            return reply
        body = orjson.loads(reply.body)
        change(body)
        return replies.dumped(200, body)

    def elsewhere(self) -> str:
        """Return the URL of a place that no redirect should lead to."""
        return f"{self.call.base_url}/__simulator__/elsewhere"

    def later(self, action: Callable[[], object]) -> None:
        """Do `action` after `parameter` seconds, or when the simulator stops."""
        self._later(self.parameter, action)
