"""What roles allow, and what one key may not hand on to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.key import Grant, beyond, parse_network
from narad.domain.scopes import BUNDLES, EVERYTHING, Role, Scope, effective

SCOPES = st.lists(st.sampled_from(Scope)).map(tuple)
HANDLERS = st.lists(st.sampled_from(["a", "b", "c"])).map(tuple)
NETWORKS = st.lists(st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "127.0.0.1/32", "fd00::/8", "0.0.0.0/0"])).map(tuple)
GRANTS = st.builds(
    Grant,
    name=st.just("key"),
    role=st.none() | st.sampled_from(Role),
    scopes=SCOPES,
    handlers=HANDLERS,
    networks=NETWORKS,
)


def test_a_viewer_reads_everything_but_what_is_private() -> None:
    private = {Scope.TASKS_PAYLOAD_READ, Scope.AUDIT_READ, Scope.METRICS_READ}

    assert BUNDLES[Role.VIEWER] == {scope for scope in Scope if scope.endswith(":read")} - private


def test_a_developer_also_submits_and_cancels_and_reads_payloads() -> None:
    assert BUNDLES[Role.DEVELOPER] - BUNDLES[Role.VIEWER] == {
        "tasks:payload:read",
        "tasks:write",
        "tasks:cancel",
        "tasks:retry",
    }


def test_an_operator_runs_the_service_without_seeing_what_is_in_tasks() -> None:
    operator = BUNDLES[Role.OPERATOR]

    assert operator > BUNDLES[Role.VIEWER]
    assert {"queues:manage", "workers:manage", "schedules:manage", "audit:read", "metrics:read"} < operator
    assert not operator & {"tasks:payload:read", "tasks:write", "tasks:purge", "keys:manage", "admin"}


def test_admin_is_everything_as_a_role_and_as_a_scope() -> None:
    assert effective(Role.ADMIN, ()) == effective(None, [Scope.ADMIN]) == EVERYTHING


@given(st.sampled_from(Role), SCOPES)
def test_a_role_and_scopes_allow_no_less_than_either(role: Role, scopes: tuple[Scope, ...]) -> None:
    assert effective(role, scopes) >= BUNDLES[role] | set(scopes)
    assert effective(None, scopes) == (EVERYTHING if Scope.ADMIN in scopes else set(scopes))


@given(GRANTS)
def test_a_key_may_hand_on_what_it_has(grant: Grant) -> None:
    assert beyond(grant, grant) is None


@given(GRANTS, GRANTS)
def test_what_is_handed_on_is_within_what_is_had(giver: Grant, wanted: Grant) -> None:
    if beyond(giver, wanted) is not None:
        return
    assert wanted.effective <= giver.effective
    if giver.handlers:
        assert wanted.handlers
        assert set(wanted.handlers) <= set(giver.handlers)
    if giver.networks:
        assert wanted.networks
        for network in map(parse_network, wanted.networks):
            assert any(
                network.version == wider.version and network[0] in wider and network[-1] in wider
                for wider in map(parse_network, giver.networks)
            )


def test_the_scope_that_is_missing_is_named() -> None:
    giver = Grant(name="giver", scopes=(Scope.KEYS_MANAGE, Scope.TASKS_READ))

    assert beyond(giver, Grant(name="wanted", scopes=(Scope.TASKS_READ, Scope.TASKS_WRITE))) is Scope.TASKS_WRITE
    assert isinstance(beyond(giver, Grant(name="wanted", role=Role.ADMIN)), Scope)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        (" 192.0.2.1 ", "192.0.2.1/32"),
        ("fd00::1", "fd00::1/128"),
    ],
)
def test_a_network_is_written_as_people_do(text: str, network: str) -> None:
    assert str(parse_network(text)) == network


@pytest.mark.parametrize("text", ["", "here", "10.0.0.0/33", "1.2.3", "10.0.0.0/8/8"])
def test_what_is_no_network_is_refused_and_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="neither an address nor a network") as caught:
        parse_network(text)

    assert repr(text) in str(caught.value)
